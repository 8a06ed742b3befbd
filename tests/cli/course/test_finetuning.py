"""`textgen train --from`: begin with another model."""

import json

import pytest

from tests.cli.conftest import SMALL, model_of
from textgen.lm.storage.model_file import load_model, read_summary
from textgen.lm.storage.store import models_folder

STEP = ["--lr", "0.003", "--dropout", "0", "--batch", "4", "--bptt", "16", "--threads", "1"]
LENGTH = ["--epochs", "2"]
NEW = "a fox swam in the sea.\n" * 12


@pytest.fixture
def new(tmp_path):
    """A small text with letters that the small models lack, and without some that they have."""
    path = tmp_path / "new.txt"
    path.write_text(NEW, encoding="utf-8")
    return path


def first_loss(textgen, *arguments):
    """The held-out loss of a training that learns nothing."""
    done = textgen("train", *arguments, *STEP, "--lr", "1e-30", "--steps", "1", "--name", "probe", "--force", "--json")
    assert done.code == 0, done.err
    return next(record for record in done.records if record["event"] == "result")["best"]["valid_loss"]


def test_it_begins_where_the_other_model_stands(textgen, stored, corpus):
    """On the text that this one has learnt it is ahead of a new one before the first step."""
    stored("lines")
    assert first_loss(textgen, corpus, "--from", "lines") < first_loss(textgen, corpus, *SMALL) - 0.1


@pytest.mark.parametrize("vocabulary", ["united", "new"])
def test_the_vocabulary(textgen, stored, new, vocabulary):
    before = set(load_model(stored("lines")).vocabulary.tokens)
    done = textgen("train", new, "--from", "lines", "--vocabulary", vocabulary, *STEP, *LENGTH, "--valid-fraction", "0")
    assert done.code == 0, done.err
    tokens = set(load_model(models_folder() / "new-char.safetensors").vocabulary.tokens)
    own = {"<unk>", "<eos>", *NEW} - {"\n"}
    assert tokens == (before | own if vocabulary == "united" else own)
    assert before - own
    assert own - before


def test_what_the_model_fixes_is_taken_over(textgen, stored, new):
    """The level, too, and with it the name of the model that is written; a file is as good as a name."""
    path = stored("words")
    before = path.read_bytes()
    done = textgen("train", new, "--from", path, *STEP, *LENGTH, "--min-count", "1", "--json")
    assert done.code == 0, done.err
    assert next(record for record in done.records if record["event"] == "result")["model"] == "new-word"
    model, old = load_model(models_folder() / "new-word.safetensors"), load_model(path)
    assert (model.text.tokenizer, model.network.config) == ("word", old.network.config)
    assert "fox" in model.vocabulary.tokens
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hidden", "256"], "--hidden 256 contradicts --from lines, which has 8; leave it out"),
        (["--level", "word"], "--level word contradicts --from lines, which has char; leave it out"),
        (["--tie"], "--tie contradicts --from lines, which was trained without it; leave it out"),
        (["--size", "small"], "--size small contradicts --from lines, which has 1 x 8 units; leave it out"),
        (["--carry", "--cell", "gru"], "--carry contradicts --from lines, which was trained without it; --cell gru"),
        (["--vocabulary", "old"], "unknown --vocabulary 'old'; choose from united, new"),
    ],
)
def test_what_contradicts_is_refused(textgen, stored, new, options, message):
    stored("lines")
    done = textgen("train", new, "--from", "lines", *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert [path.name for path in models_folder().iterdir()] == ["lines.safetensors"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "absent"], "no model named 'absent'"),
        (["--from", ""], "no model named ''"),
        (["--from", "."], "a folder, not a model file"),
        (["--vocabulary", "new"], "what becomes of another model's tokens; it needs --from MODEL"),
    ],
)
def test_a_model_that_cannot_be(textgen, new, options, message):
    done = textgen("train", new, *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_damaged_model(textgen, stored, new):
    path = stored("lines")
    path.write_bytes(path.read_bytes()[:-1])
    done = textgen("train", new, "--from", "lines")
    assert (done.code, done.out) == (1, "")
    assert "truncated" in done.err


def test_the_model_itself_may_be_replaced(textgen, stored, new):
    """With --force alone; the new one began with the old one."""
    before = load_model(stored("lines")).sha256
    arguments = ["train", new, "--from", "lines", "--name", "lines", *STEP, *LENGTH]
    refused = textgen(*arguments)
    assert (refused.code, refused.out, load_model(models_folder() / "lines.safetensors").sha256) == (2, "", before)
    assert textgen(*arguments, "--force").code == 0
    base = read_summary(models_folder() / "lines.safetensors").history.base
    assert (base and base.sha256) == before


@pytest.fixture
def begun_from(textgen, stored, new, signal_at):
    """A function that begins a fine-tuning and interrupts it after three steps."""

    def begin(*options):
        stored("lines")
        signal_at(3)
        assert textgen("train", new, "--from", "lines", *STEP, *LENGTH, *options).code == 130
        signal_at(0)

    return begin


def test_it_is_gone_on_with_when_the_model_is_no_more(textgen, stored, new, begun_from):
    begun_from("--dropout", "0.2")
    textgen("train", new, "--from", "lines", *STEP, *LENGTH, "--dropout", "0.2", "--name", "whole")
    (models_folder() / "lines.safetensors").unlink()
    done = textgen("train", new, "--resume", "--name", "new-char")
    assert done.code == 0, done.err
    assert model_of("new-char") == model_of("whole")


def test_with_the_same_model_it_is_gone_on_with(textgen, stored, new, begun_from):
    """Whatever it is called now."""
    begun_from()
    stored("lines", under="renamed")
    assert textgen("train", new, "--resume", "--from", "renamed").code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "other"], "--from lines, not other"),
        (["--from", "lines"], "--from lines, whose parameters have changed since"),
        (["--from", "same", "--vocabulary", "new"], "--vocabulary united, not new"),
    ],
)
def test_with_another_model_it_is_another_training(textgen, stored, new, begun_from, options, message):
    begun_from()
    stored("lines", under="same")
    stored("paragraphs", under="lines")
    stored("paragraphs", under="other")
    done = textgen("train", new, "--resume", *options)
    assert (done.code, done.out) == (2, "")
    assert f"is of a training with other options: {message}." in done.err


def test_a_training_that_began_with_none(textgen, interrupted, stored, corpus):
    interrupted()
    stored("lines")
    done = textgen("train", corpus, "--resume", "--from", "lines")
    assert (done.code, done.out) == (2, "")
    assert "with other options: --from was not given." in done.err


def test_settings_in_a_file(textgen, stored, new, tmp_path):
    """What is printed of a fine-tuning makes the same one."""
    stored("lines")
    asked = ["--from", "lines", "--vocabulary", "new", *STEP, *LENGTH]
    printed = textgen("train", new, *asked, "--print-config").out
    assert printed.endswith('[finetuning]\nfrom = "lines"\nvocabulary = "new"\n')
    file = tmp_path / "settings.toml"
    file.write_text(printed, encoding="utf-8")
    for name, options in (("options", asked), ("file", ["--config", file])):
        assert textgen("train", new, "--name", name, *options).code == 0
    assert model_of("file") == model_of("options")
    again = textgen("train", new, "--resume", "--name", "file", "--print-config").out
    assert again == printed
    file.write_text('vocabulary = "new"\n', encoding="utf-8")
    refused = textgen("train", new, "--config", file)
    assert (refused.code, refused.out) == (2, "")
    assert f"{file}: --vocabulary new says" in refused.err


def test_info_says_what_it_began_with(textgen, stored, new):
    before = load_model(stored("lines"))
    textgen("train", new, "--from", "lines", *STEP, *LENGTH)
    shown = textgen("info", "new-char").out
    [line] = [line for line in shown.splitlines() if line.startswith("began with")]
    digest = before.sha256
    files = before.history.corpus.files
    assert line.split(maxsplit=2)[2] == f"lines, trained on {files[0]}; parameters {digest[:12]}..., vocabulary united"
    base = json.loads(textgen("info", "new-char", "--json").out)["history"]["base"]
    assert (base["name"], base["sha256"], base["corpus"]["files"]) == ("lines", digest, [*files])
    assert "began with" not in textgen("info", "lines").out
