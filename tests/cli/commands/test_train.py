"""`textgen train`: what it says, and how each option reaches the model."""

import gzip
import json

import pytest

from tests.cli.conftest import LINES, SMALL
from textgen.cli.course import notes as training_notes
from textgen.lm.storage.model_file import load_model, read_summary
from textgen.lm.storage.store import list_models, models_folder
from textgen.text.corpus import holdout


def test_a_model_is_trained_saved_and_shown(train, corpus):
    done = train()
    assert done.code == 0
    path = models_folder() / "cats-char.safetensors"
    model = load_model(path)
    assert model.text.unit == "line"
    assert model.network.config.hidden == 8
    assert model.history.corpus.files == (str(corpus),)
    assert model.history.corpus.characters == len(corpus.read_text())
    assert model.history.stopped == "epochs"
    assert model.history.validations[-1].epoch == 2
    assert len(done.out.splitlines()) == 10, "five sequences at each of two temperatures, a line each"


def test_what_is_said(train, corpus):
    done = train()
    text = " ".join(done.err.split())
    characters = len(corpus.read_text())
    assert f"{corpus}: {characters:,} characters, {2 * len(LINES)} sequences (line)" in text
    assert "each line is one sequence" in text
    assert "lstm, 8 units; " in text
    assert "windows of 4 rows x 16 tokens" in text
    assert "2 epochs of" in text
    assert "memory about " in text
    assert "MB; 1 thread" in text
    assert f"saved {models_folder() / 'cats-char.safetensors'}" in text
    assert "next textgen sample --model cats-char" in text
    assert "\x1b" not in done.err


def test_of_a_long_text_it_is_said_how_little_is_held_out(train, monkeypatch):
    for module in (holdout, training_notes):
        monkeypatch.setattr(module, "MOST", 30)
    said = "no more than some 30 characters, of so long a text (--valid-fraction overrides)"
    done = train("--force", "--name", "cats")
    assert said in done.err
    assert "held out  the last part: 25 characters" in done.err
    done = train("--force", "--name", "cats", "--valid-fraction", "0.1")
    assert said not in done.err
    assert "held out  the last part: 49 characters" in done.err


def test_without_a_terminal_each_validation_is_a_line(train):
    lines = train().err.splitlines()
    heading = next(i for i, line in enumerate(lines) if line.split()[:2] == ["epoch", "step"])
    assert lines[heading].split() == ["epoch", "step", "trained", "on", "held", "out", "bits/char", "time"]
    finished = next(i for i, line in enumerate(lines) if line.startswith("finished"))
    assert lines[finished - 1].split()[0] == "2"
    assert all(len(line.split()) in (6, 7) for line in lines[heading + 1 : finished])
    assert lines[heading + 1].endswith("best")


def test_words_are_judged_by_their_perplexity(train):
    done = train("--level", "word")
    assert "perplexity  " in done.err
    assert "bits/char" not in done.err
    assert read_summary(models_folder() / "cats-word.safetensors").level == "word"


def test_a_vocabulary_is_cut_where_it_is_asked_for(train):
    assert train().code == 0
    assert train("--name", "cut", "--softmax", "adaptive").code == 0
    assert read_summary(models_folder() / "cut.safetensors").network.cutoffs
    assert not read_summary(models_folder() / "cats-char.safetensors").network.cutoffs


def test_quiet_says_nothing(train):
    done = train("--quiet")
    assert (done.code, done.err) == (0, "")
    assert done.out


def test_the_same_seed_gives_the_same_model(train):
    for name in ("one", "two"):
        train("--name", name, "--seed", "7")
    train("--name", "other", "--seed", "8")
    vectors = {
        name: load_model(models_folder() / f"{name}.safetensors").network.parameters.vector.tobytes()
        for name in ("one", "two", "other")
    }
    assert vectors["one"] == vectors["two"] != vectors["other"]


def test_json_gives_the_result_the_samples_and_what_is_copied(train):
    records = train("--json").records
    assert [record["event"] for record in records] == ["result", *["sample"] * 10, "copied"]
    result = records[0]
    assert (result["model"], result["reason"]) == ("cats-char", "epochs")
    assert result["path"] == str(models_folder() / "cats-char.safetensors")
    assert result["best"]["valid_loss"] > 0
    assert {"text", "ended", "tokens"} <= records[1].keys()


def test_the_log_holds_every_report(train, tmp_path):
    log = tmp_path / "log.jsonl"
    assert train("--log", log).code == 0
    assert train("--log", log, "--name", "again").code == 0
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    events = [record["event"] for record in records]
    assert events.count("start") == events.count("finished") == 2, "a second run is appended"
    shown = read_summary(models_folder() / "again.safetensors").history.validations
    assert events.count("validation") == 2 * len(shown) > 0
    assert events.count("checkpoint") >= 4, "at the first step and at the end"
    start = records[0]
    assert start["network"]["hidden"] == 8
    assert start["text"]["unit"] == "line"
    assert start["training"]["bptt"] == 16
    validation = records[events.index("validation")]
    assert validation["valid_loss"] > 0
    assert validation["first_token_loss"] > 0
    assert "model" not in validation


def warnings_in(done, log):
    """What was warned of, on standard error; the log must hold the same."""
    said = [line.removeprefix("warning").strip() for line in done.err.splitlines() if line.startswith("warning")]
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert said == [record["warning"] for record in records if record["event"] == "warning"]
    return said


def test_many_unknown_words_are_warned_of(train, tmp_path):
    done = train("--level", "word", "--max-vocab", "3", "--log", tmp_path / "log")
    [warning] = warnings_in(done, tmp_path / "log")
    assert "of the held-out words are outside the vocabulary" in warning
    assert warning.endswith(
        "; what helps: --level char, a lower --min-count than 2, a larger --max-vocab than 3 or more text"
    )
    assert warnings_in(train("--level", "word", "--log", tmp_path / "other"), tmp_path / "other") == []


def test_a_sorted_list_is_warned_of(train, tmp_path):
    names, log = tmp_path / "names.txt", tmp_path / "log"
    names.write_text("\n".join(f"{a}{b}{c}" for a in "ABCDE" for b in "aeiou" for c in "lmn"))
    [warning] = warnings_in(train("--log", log, files=[names]), log)
    assert warning == (
        "the text looks like a sorted list, its neighbours are in alphabetical order; what is held out is its end, of"
        " another kind than the rest; what helps: --shuffle"
    )
    log.unlink()
    assert warnings_in(train("--log", log, "--shuffle", files=[names]), log) == []


def test_a_text_that_is_learnt_by_heart_is_warned_of(train, corpus, tmp_path):
    """Here, since what is held out is of another kind."""
    valid = tmp_path / "valid.txt"
    valid.write_text(corpus.read_text()[::-1], encoding="utf-8")
    options = ["--valid", valid, "--hidden", "48", "--lr", "0.02", "--patience", "0", "--log", tmp_path / "log"]
    [warning] = warnings_in(train(*options, length=["--epochs", "40"]), tmp_path / "log")
    assert warning.startswith("the model learns its text by heart")
    assert warning.endswith("; what helps: more --dropout than 0, fewer --hidden units, fewer --epochs or more text")


def test_each_setting_reaches_the_model(train):
    options = ["--tokenizer", "whitespace", "--unit", "file", "--carry", "--lowercase", "--max-vocab", "5"]
    options += ["--cell", "gru", "--layers", "2", "--embedding", "3", "--head-layers", "1", "--tie"]
    options += ["--dropout", "0.2", "--dropout-kind", "standard", "--word-dropout", "0.1", "--optimizer", "sgd"]
    options += ["--lr", "0.1", "--momentum", "0.5", "--clip", "2", "--clip-by", "value"]
    options += ["--warmup", "3", "--weight-decay", "0.01", "--patience", "4", "--valid-fraction", "0.2"]
    assert train(*options, "--seed", "11", "--name", "all").code == 0
    summary = read_summary(models_folder() / "all.safetensors")
    network, text, history = summary.network, summary.text, summary.history.training
    assert (network.cell, network.layers, network.embedding, network.head_layers) == ("gru", 2, 3, 1)
    assert network.tie
    assert (text.tokenizer, text.unit, text.carry, text.lowercase, text.max_vocab) == (
        "whitespace",
        "file",
        True,
        True,
        5,
    )
    assert text.valid_fraction == 0.2
    assert len(summary.vocabulary) == 2 + 5
    expected = {"optimizer": "sgd", "lr": 0.1, "momentum": 0.5, "clip": 2.0, "clip_by": "value"}
    expected |= {"dropout": 0.2, "dropout_kind": "standard", "word_dropout": 0.1}
    expected |= {"warmup": 3, "weight_decay": 0.01, "patience": 4, "seed": 11, "epochs": 2}
    assert {name: history[name] for name in expected} == expected


def test_how_sequences_start_reaches_the_model_and_changes_it(train):
    vectors = {}
    for name, options in {"none": (), "eos": ("--start", "eos"), "zero": ("--start", "zero")}.items():
        assert train(*options, "--name", name).code == 0
        assert read_summary(models_folder() / f"{name}.safetensors").text.start == (name if options else "eos")
        vectors[name] = load_model(models_folder() / f"{name}.safetensors").network.parameters.vector.tobytes()
    assert vectors["none"] == vectors["eos"] != vectors["zero"]


@pytest.mark.parametrize("options", [("--start", "bos"), ("--start", "zero", "--carry")])
def test_a_start_that_cannot_be(train, options):
    done = train(*options)
    assert (done.code, done.out) == (2, "")
    assert "--start" in done.err
    assert list_models() == []


@pytest.mark.parametrize(("unit", "is_shown"), [("line", True), ("file", False)])
def test_the_loss_of_first_tokens_is_told_at_the_end(train, unit, is_shown):
    """Not of a file, which is cut somewhere in its middle."""
    done = train("--unit", unit, "--json")
    [best] = [record["best"] for record in done.records if record["event"] == "result"]
    line = f"          {best['first_token_loss']:.3f} nats for the first token of a sequence\n"
    assert (line in done.err) == is_shown


@pytest.mark.parametrize(
    ("length", "reason"), [(("--steps", "3"), "steps"), (("--time", "0.2s"), "time"), (("--epochs", "1"), "epochs")]
)
def test_the_length_may_be_given_in_three_ways(train, length, reason):
    assert train(length=length).code == 0
    history = read_summary(models_folder() / "cats-char.safetensors").history
    assert history.stopped == reason
    if reason == "steps":
        assert history.validations[-1].step == 3


def test_without_progress_the_training_stops_early(train):
    done = train("--patience", "1", "--lr", "1e-30", length=("--epochs", "50"))
    assert done.code == 0
    history = read_summary(models_folder() / "cats-char.safetensors").history
    assert history.stopped == "patience"
    assert "finished  no better one in 1 validation; " in done.err
    assert len(history.validations) < 50


def test_validation_on_a_text_of_its_own(train, tmp_path):
    valid = tmp_path / "valid.txt"
    valid.write_text("the cat ran.\n", encoding="utf-8")
    done = train("--valid", valid)
    assert f"{valid}: 13 characters, 13 tokens" in done.err
    corpus = read_summary(models_folder() / "cats-char.safetensors").history.corpus
    assert corpus.valid_tokens == 13, "twelve characters and <eos>"


def test_a_sorted_list_can_be_shuffled(train, tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{letter * 5}\n" for letter in "abcdefghijklmnopqrstuvwxyz" for _ in range(9)))
    train("--name", "sorted", files=[listed])
    assert "held out  sequences at random: " in train("--name", "shuffled", "--shuffle", files=[listed]).err
    known = {name: read_summary(models_folder() / f"{name}.safetensors").vocabulary for name in ("sorted", "shuffled")}
    assert "z" not in known["sorted"].tokens, "the last letters are held out and never learnt"
    assert set("abcdefghijklmnopqrstuvwxyz") <= set(known["shuffled"].tokens)


def test_standard_input_and_packed_files(train, tmp_path):
    text = "\n".join(LINES).encode()
    assert train(files=["-"], stdin=text).code == 0
    packed = tmp_path / "cats.txt.gz"
    packed.write_bytes(gzip.compress(text))
    assert train(files=[packed]).code == 0
    stdin, zipped = (read_summary(models_folder() / f"{name}-char.safetensors") for name in ("stdin", "cats"))
    assert stdin.history.corpus.sha256 == zipped.history.corpus.sha256
    assert stdin.history.corpus.files == ("standard input",)


def test_sentences_are_learnt_and_written_a_line_each(textgen, tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text(
        "".join(f"{first} {second}\n" for first, second in zip(LINES, LINES[::-1], strict=True)).title(), "utf-8"
    )
    done = textgen("train", path, *SMALL, "--unit", "sentence", "--steps", "3", "--name", "sentences")
    assert f"{2 * len(LINES)} sequences (sentence)" in done.err
    assert len(textgen("sample", "-n", "3", "--max-length", "9").out.splitlines()) == 3
    assert dict(line.split("\t") for line in textgen("evaluate", path).out.splitlines())["sequences"] == str(
        2 * len(LINES)
    )
