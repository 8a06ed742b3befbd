"""`textgen train`: too little text or memory, a loss that is not finite, Ctrl-C."""

import json
import re
import signal

import pytest

from textgen.cli.course.progress import PlainProgress
from textgen.core.kernels.optimizers import gradient_size
from textgen.lm.storage.model import LanguageModel
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import list_models, models_folder
from textgen.lm.training import learner


def test_a_corpus_shorter_than_a_window_shrinks_batch_and_window(textgen, tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("abab\nabab\nabab\nabab\nabab\n")
    done = textgen("train", short, "--hidden", "4", "--epochs", "1", "--batch", "32", "--bptt", "64")
    assert done.code == 0
    assert "instead of 32 of 64" in " ".join(done.err.split())


@pytest.mark.parametrize("text", ["a", "one line\n", "x\n\n\n", "\n a \n"])
def test_hardly_any_text_still_trains(textgen, tmp_path, text):
    tiny = tmp_path / "tiny.txt"
    tiny.write_text(text)
    done = textgen("train", tiny, "--hidden", "4", "--epochs", "1")
    assert done.code == 0
    assert "nothing is held out" in done.err
    assert "windows of 1 row x " in done.err
    assert load_model(models_folder() / "tiny-char.safetensors").history.corpus.valid_tokens == 0
    assert textgen("sample", "-n", "1", "--max-length", "3").code == 0


def test_a_training_that_diverges_is_told_and_ends_with_the_best_model(train, monkeypatch, tmp_path):
    calls = iter(range(1000))

    def fail_later(*arguments):
        return gradient_size(*arguments) if next(calls) < 40 else float("nan")

    monkeypatch.setattr(learner, "gradient_size", fail_later)
    done = train(
        "--json", "--lr", "0.0025", "--log", tmp_path / "log", "--valid-fraction", "0", length=("--epochs", "8")
    )
    assert (done.code, done.out) == (1, "")
    *lines, last = done.err.splitlines()
    told = [line for line in lines if line.startswith("diverged at step 40 (")]
    assert [line.partition("half the learning rate, ")[2] for line in told] == [
        "0.00125 (time 1 of 3)",
        "0.000625 (time 2 of 3)",
        "0.0003125 (time 3 of 3)",
    ]
    assert "back to the best parameters, of step " in told[0]
    assert last.startswith("textgen: the training diverged again after ")
    assert "the best model is saved as cats-char; what helps: a lower --lr than 0.0025 or a lower --clip than 1" in last
    assert load_model(models_folder() / "cats-char.safetensors").history.stopped == "diverged"
    records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [r["learning_rate"] for r in records if r["event"] == "recovery"] == [0.00125, 0.000625, 0.0003125]


def test_a_learning_rate_that_the_text_decided_is_told_as_well(textgen, corpus, monkeypatch):
    monkeypatch.setattr(learner, "gradient_size", lambda *_: float("nan"))
    done = textgen("train", corpus, "--hidden", "256", "--epochs", "1", "--threads", "1")
    assert (done.code, done.out) == (1, "")
    assert re.search(r"; what helps: a lower --lr than 0\.\d+ or a lower --clip than 1$", done.err.splitlines()[-1])


def test_a_training_that_diverges_at_its_end_has_not_diverged_before(train):
    done = train("--lr", "1e300", "--optimizer", "sgd", "--clip", "0", length=("--steps", "1"))
    assert done.code == 1
    assert "the training diverged after 64 tokens; no model is saved; what helps: a lower --lr than 1e+300" in done.err


def test_what_helps_against_a_divergence_is_what_was_asked_for(train):
    done = train("--lr", "1e300", "--optimizer", "sgd", "--momentum", "0.99", "--clip", "0", length=("--steps", "1"))
    assert done.code == 1
    assert done.err.endswith("what helps: a lower --lr than 1e+300, a lower --momentum than 0.99 or --clip 1\n")


@pytest.mark.parametrize("options", [("--lr", "0.003"), ()])
def test_a_weight_decay_that_leaves_no_weight_is_refused(textgen, corpus, options):
    """Also where the learning rate follows from the text."""
    done = textgen("train", corpus, "--hidden", "8", *options, "--weight-decay", "1e30")
    assert (done.code, done.out) == (2, "")
    assert "textgen: --weight-decay 1e+30 takes away all of each weight in a step, and more, at --lr 0.0" in done.err


@pytest.mark.parametrize("held_out", [(), ("--valid-fraction", "0")])
def test_what_is_far_above_chance_is_no_model(train, tmp_path, held_out):
    """All of its numbers are finite: some 1e31 nats."""
    done = train("--lr", "1e30", "--json", "--log", tmp_path / "log", *held_out, length=("--steps", "20"))
    assert (done.code, done.out) == (1, "")
    assert "no model is saved" in done.err.splitlines()[-1]
    rows = [line for line in done.err.splitlines() if re.match(r" +\d+ +\d+ ", line)]
    assert rows
    assert {(len(row), len(row.split())) for row in rows} == {(62, 6)}, "columns, and none of them 'best'"
    assert list_models() == []
    records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    validations = [r for r in records if r["event"] == "validation"]
    assert validations
    assert not any(r["best"] for r in validations)
    [end] = [r for r in records if r["event"] == "finished"]
    assert (end["reason"], end["best"]) == ("diverged", None)


def test_a_training_that_diverges_at_once_leaves_no_model(train):
    done = train("--lr", "1e300", "--optimizer", "sgd", "--clip", "0", length=("--epochs", "8"))
    assert (done.code, done.out) == (1, "")
    assert "no model is saved" in done.err.splitlines()[-1]
    assert list_models() == []


def test_more_memory_than_the_process_can_have_is_said_before_the_work(train, monkeypatch):
    """Such as a container leaves it."""
    monkeypatch.setattr("textgen.cli.course.course.available_memory", lambda: 2**20)
    done = train()
    assert (done.code, done.out) == (2, "")
    assert "of memory, and can have 1.0 MB; choose a smaller --hidden" in done.err.splitlines()[-1]
    assert list_models() == []


def test_too_little_memory_is_said_and_not_tried(train, monkeypatch):
    def refuse(*_, **__):
        raise MemoryError("Unable to allocate 3 TiB")

    monkeypatch.setattr(LanguageModel, "new", refuse)
    done = train()
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == "textgen: there is not enough memory: Unable to allocate 3 TiB"


def test_ctrl_c_before_the_first_step_leaves_a_model_that_exists(train, monkeypatch):
    """It would be replaced by one that has learnt nothing."""

    def signal_first(*arguments):
        signal.raise_signal(signal.SIGINT)
        return gradient_size(*arguments)

    train("--name", "mine")
    path = models_folder() / "mine.safetensors"
    before = path.read_bytes()
    monkeypatch.setattr(learner, "gradient_size", signal_first)
    done = train("--name", "mine", "--force", "--seed", "5")
    assert (done.code, done.out) == (130, "")
    assert done.err.splitlines()[-1] == "textgen: interrupted before the first step; no model is saved"
    assert "stopping" not in done.err
    assert path.read_bytes() == before


def test_ctrl_c_ends_in_good_order(train, monkeypatch):
    """The request is made in the middle of the third epoch; see test_process.py for the signal itself."""
    rounds = []

    def signal_once(self, _):
        rounds.append(self)
        if len(rounds) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(PlainProgress, "validation", signal_once)
    before = signal.getsignal(signal.SIGINT)
    done = train(length=("--epochs", "1000"))
    assert (done.code, done.out) == (130, "")
    assert "interrupted" in done.err
    assert len(rounds) == 2
    model = load_model(models_folder() / "cats-char.safetensors")
    assert model.history.stopped == "interrupted"
    assert signal.getsignal(signal.SIGINT) is before
