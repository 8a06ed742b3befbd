"""`textgen train --resume`: interrupted and gone on with, and what is refused."""

import json
import shlex
import signal
import tomllib

import pytest

from tests.cli.conftest import LINES, checkpoints, model_of
from textgen.lm.progress.checkpoint import read_checkpoint
from textgen.lm.progress.divergence import SpikeWatch
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import models_folder


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("options", [(), ("--name", "my.cats"), ("--level", "word")])
def test_the_command_that_is_printed_goes_on(train, textgen, signal_at, corpus, tmp_path, number, code, options):
    assert (
        train("--name", "whole", "--dropout", "0.2", *options[2:], *(options if "--level" in options else ())).code == 0
    )
    signal_at(3, number)
    log = tmp_path / "a log"
    done = train("--dropout", "0.2", "--log", log, *options)
    assert (done.code, done.out) == (code, "")
    label, _, command = done.err.splitlines()[-1].partition("     ")
    assert label == "go on"
    program, *arguments = shlex.split(command)
    name = {(): "cats-char", ("--name", "my.cats"): "my.cats"}.get(options, "cats-word")
    assert (program, arguments) == ("textgen", ["train", str(corpus), "--resume", "--name", name, "--log", str(log)])
    assert checkpoints() == sorted([f"{name}.checkpoint", "whole.checkpoint"])
    signal_at(0)
    done = textgen(*arguments)
    assert done.code == 0
    assert f"resumed   {name}: epoch {2 if name == 'cats-word' else 1}, step 3, 0:00 of training behind it" in done.err
    assert model_of(name) == model_of("whole")
    starts = [record for record in map(json.loads, log.read_text().splitlines()) if record["event"] == "start"]
    assert [record["resumed_at_step"] for record in starts] == [None, 3]


def test_a_model_in_a_place_of_its_own(textgen, train, interrupted, corpus, tmp_path):
    path = tmp_path / "my models" / "v1.5"
    path.parent.mkdir()
    done = interrupted("--output", path)
    assert [file.name for file in sorted(path.parent.iterdir())] == ["v1.5", "v1.5.checkpoint", "v1.5.index"]
    assert done.err.splitlines()[-1].endswith(f"textgen train {corpus} --resume --output '{path}'")
    assert textgen("train", corpus, "--resume", "--output", path).code == 0
    train("--name", "whole")
    assert load_model(path).network.parameters.vector.tobytes() == model_of("whole")[0]


def test_what_has_learnt_nothing_may_be_given_more(textgen, train, corpus, monkeypatch):
    """It goes on from where it stands, as one does whose first part was good."""
    train("--name", "good", length=("--steps", "6"))
    with monkeypatch.context() as patched:
        patched.setattr(SpikeWatch, "is_far_above_chance", lambda *_: True)
        bad = train("--name", "bad", length=("--steps", "6"))
    assert (bad.code, checkpoints()) == (1, ["bad.checkpoint", "good.checkpoint"])
    assert "the training diverged after 384 tokens; no model is saved" in bad.err
    for name in ("good", "bad"):
        done = textgen("train", corpus, "--resume", "--name", name, "--steps", "12")
        assert (done.code, "step 6, " in done.err) == (0, True)
    assert model_of("bad")[0] == model_of("good")[0]


def test_other_options_are_refused_by_name(textgen, interrupted, corpus):
    interrupted("--carry")
    before = (models_folder() / "cats-char.checkpoint").read_bytes()
    asked = ["--hidden", "9", "--lr", "0.5", "--carry", "--layers", "1", "--lowercase", "--seed", "2"]
    asked += ["--unit", "file", "--embedding", "3", "--batch", "4", "--threads", "2", "-q", "--json"]
    done = textgen("train", corpus, "--resume", *asked)
    assert (done.code, done.out) == (2, "")
    assert (
        "options: --unit line, not file; --lowercase was not given; --hidden 8, not 9; --embedding 0, not 3;"
        in done.err
    )
    assert "; --lr 0.003, not 0.5; --seed 1, not 2." in done.err
    for same in ("--carry", "--layers", "--batch", "--threads"):
        assert f"{same} " not in done.err
    assert (models_folder() / "cats-char.checkpoint").read_bytes() == before


@pytest.mark.parametrize(
    ("begun", "asked", "said"),
    [
        (("--epochs", "2"), ("--epochs", "1"), "--epochs 2, which may grow, not shrink to 1"),
        (("--steps", "9"), ("--steps", "8"), "--steps 9, which may grow, not shrink to 8"),
        (("--time", "2h"), ("--time", "90s"), "--time 2:00:00, which may grow, not shrink to 1:30"),
        (("--steps", "9"), ("--time", "90s"), "--time was not given"),
        (("--epochs", "2"), ("--steps", "900"), "--steps was not given"),
        (("--epochs", "2"), ("--start", "zero"), "--start eos, not zero"),
        (("--epochs", "2"), ("--level", "word", "--name", "cats-char"), "--tokenizer char, not word"),
    ],
)
def test_lengths_may_only_grow_and_others_not_change(textgen, interrupted, corpus, begun, asked, said):
    interrupted(length=begun)
    done = textgen("train", corpus, "--resume", *asked)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_the_same_command_goes_on(train, interrupted):
    """Whoever adds --resume to the command that began the training has asked for nothing else."""
    options = [
        "--unit",
        "auto",
        "--min-count",
        "2",
        "--carry",
        "--patience",
        "3",
        "--clip",
        "2",
        "--valid-fraction",
        "0.2",
    ]
    train(*options, "--name", "whole")
    interrupted(*options)
    assert train(*options, "--resume").code == 0
    assert model_of("cats-char") == model_of("whole")


def test_more_patience(textgen, train, corpus, tmp_path):
    (tmp_path / "valid.txt").write_text("the cat ran.\n")
    options = ["--lr", "1e-30", "--warmup", "0", "--valid", tmp_path / "valid.txt"]
    train(*options, "--patience", "1", "--name", "cats-char", length=("--steps", "120"))
    first = load_model(models_folder() / "cats-char.safetensors").history
    assert first.stopped == "patience"
    assert "more --patience goes on with it" in textgen("train", corpus, "--resume").err
    assert textgen("train", corpus, "--resume", "--patience", "2").code == 0
    train(*options, "--patience", "2", "--name", "whole", length=("--steps", "120"))
    assert model_of("cats-char") == model_of("whole")
    assert len(model_of("whole")[1].validations) == len(first.validations) + 1


def test_more_epochs_are_no_patience(textgen, train, corpus, tmp_path):
    (tmp_path / "valid.txt").write_text("the cat ran.\n")
    train("--lr", "1e-30", "--warmup", "0", "--valid", tmp_path / "valid.txt", "--patience", "1")
    assert load_model(models_folder() / "cats-char.safetensors").history.stopped == "patience"
    done = textgen("train", corpus, "--resume", "--epochs", "9")
    assert "it is at its end; more --patience goes on with it" in done.err


def test_more_epochs(textgen, train, corpus):
    train()
    done = textgen("train", corpus, "--resume", "--epochs", "3")
    assert done.code == 0
    history = load_model(models_folder() / "cats-char.safetensors").history
    assert (history.training["epochs"], history.validations[-1].epoch) == (3, 3)


def test_a_finished_training_is_only_shown(textgen, train, corpus):
    train()
    before = model_of("cats-char")
    done = textgen("train", corpus, "--resume")
    assert done.code == 0
    assert "all epochs done" in done.err
    assert "it is at its end; more --epochs goes on with it" in done.err
    assert len(done.out.splitlines()) == 10
    assert model_of("cats-char") == before


def test_the_settings_of_a_training_that_is_gone_on_with_are_printed(textgen, interrupted, corpus, tmp_path):
    """With which a training from the beginning would be the same."""
    interrupted("--seed", "5", "--hidden", "9", "--lr", "0.02")
    before = {path: path.read_bytes() for path in models_folder().iterdir()}
    done = textgen("train", corpus, "--resume", "--print-config", "--epochs", "3")
    assert done.code == 0
    settings = tomllib.loads(done.out)
    training = settings["training"]
    assert (settings["network"]["hidden"], training["seed"], training["lr"], training["epochs"]) == (9, 5, 0.02, 3)
    assert {path: path.read_bytes() for path in models_folder().iterdir()} == before, "nothing was done"
    refused = textgen("train", corpus, "--resume", "--print-config", "--seed", "6")
    assert (refused.code, refused.out) == (2, "")
    assert "--seed 5, not 6" in refused.err


def test_whoever_forgets_resume_is_told(train, interrupted):
    interrupted("--name", "mine")
    done = train("--name", "mine")
    assert done.code == 2
    assert "mine.safetensors exists already; " in done.err
    assert "or --resume to go on with its training" in done.err


def test_another_text_is_refused(textgen, interrupted, corpus, tmp_path):
    interrupted()
    other = tmp_path / "other" / "cats.txt"
    other.parent.mkdir()
    other.write_text("\n".join(LINES * 3))
    done = textgen("train", other, "--resume", "--name", "cats-char")
    assert (done.code, done.out) == (2, "")
    assert "is of a training on another text (SHA-256 " in done.err


def test_a_damaged_checkpoint(textgen, interrupted, corpus):
    interrupted()
    path = models_folder() / "cats-char.checkpoint"
    path.write_bytes(path.read_bytes()[:-1])
    done = textgen("train", corpus, "--resume")
    assert (done.code, done.out) == (1, "")
    assert "cats-char.checkpoint: not a checkpoint, or a truncated one" in done.err


def test_a_name_with_a_checkpoint_is_taken(train, interrupted):
    interrupted("--name", "mine")
    (models_folder() / "mine.safetensors").unlink()
    done = train("--name", "mine")
    assert (done.code, done.out) == (2, "")
    assert (
        "mine.checkpoint is the checkpoint of a training that was begun under this name; --resume goes on" in done.err
    )
    done = train("--name", "mine", "--force", "--seed", "5")
    assert done.code == 0
    assert read_checkpoint(models_folder() / "mine.checkpoint").origin.training.seed == 5


def test_a_free_name_has_no_checkpoint_either(train, interrupted):
    interrupted()
    (models_folder() / "cats-char.safetensors").unlink()
    assert "textgen sample --model cats-char-2" in train().err
    assert checkpoints() == ["cats-char-2.checkpoint", "cats-char.checkpoint"]


def test_a_checkpoint_of_another_version(textgen, interrupted, corpus, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr("textgen.lm.progress.checkpoint.__version__", "0.0.1")
        interrupted()
    done = textgen("train", corpus, "--resume")
    assert done.code == 0
    assert "begun with textgen 0.0.1, this is " in done.err
