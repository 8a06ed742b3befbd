"""Running the command line, in this process (`textgen`) or in one of its own (`start`); small trained models."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lm.tasks import timeless
from textgen.cli.boundary import run
from textgen.cli.training.progress import PlainProgress
from textgen.lm.progress import pace
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import models_folder

ROOT = Path(__file__).parents[2]
# All that the tests look at is set here, so that a better default changes no test.
SMALL = ["--cell", "lstm", "--hidden", "8", "--layers", "1", "--embedding", "0", "--head-layers", "0"]
SMALL += ["--dropout", "0", "--lr", "0.003", "--batch", "4", "--bptt", "16", "--threads", "1"]

LINES = [f"the {animal} sat on the {place}." for animal in ("cat", "dog", "hen") for place in ("mat", "log", "wall")]
PARAGRAPHS = [f"{line}\nand then it {verb}.\n" for line in LINES for verb in ("slept", "ran off")]


@dataclass
class Result:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def records(self):
        """Standard output, read as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class Screen:
    """Standard output or error that says it is a terminal."""

    def __init__(self, stream):
        self._stream = stream

    def isatty(self):
        return True

    def __getattr__(self, name):
        return getattr(self._stream, name)


@pytest.fixture
def textgen(capsys, monkeypatch):
    """A function that runs one command line in this process."""

    def call(*arguments, stdin=""):
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def start():
    """A function that starts one command line in a process of its own."""
    started = []

    def begin(*arguments, **options):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
        command = [sys.executable, "-m", "textgen", *map(str, arguments)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, env=environment, **{**pipes, **options})
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def train_once(folder, name, text, *options):
    corpus = folder / f"{name}.txt"
    corpus.write_text(text, encoding="utf-8")
    path = folder / f"{name}.safetensors"
    assert run(["train", str(corpus), "--output", str(path), "--quiet", "--epochs", "3", *SMALL, *options]) == 0
    return path


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Three small trained models by name: lines (char), paragraphs (char), words (word)."""
    folder = tmp_path_factory.mktemp("models")
    lines = "\n".join(LINES * 4) + "\n"
    return {
        "lines": train_once(folder, "lines", lines),
        "paragraphs": train_once(folder, "paragraphs", "\n".join(PARAGRAPHS * 2)),
        "words": train_once(folder, "words", lines, "--level", "word", "--min-count", "1"),
    }


@pytest.fixture
def stored(models):
    """A function that puts one of the small models into this test's store; later ones are newer."""
    put = []

    def store(name, under=None):
        models_folder().mkdir(parents=True, exist_ok=True)
        path = models_folder() / f"{under or name}.safetensors"
        shutil.copy(models[name], path)
        put.append(path)
        os.utime(path, (1_700_000_000 + len(put),) * 2)
        return path

    return store


@pytest.fixture
def corpus(tmp_path):
    """A file of a few hundred characters, of which a small model can be trained in no time."""
    path = tmp_path / "cats.txt"
    path.write_text("\n".join(LINES * 2) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def train(textgen, corpus):
    """A function that trains a small model on the small corpus."""

    def call(*options, files=(corpus,), length=("--epochs", "2"), **rest):
        return textgen("train", *files, *SMALL, *length, *options, **rest)

    return call


@pytest.fixture
def signal_at(monkeypatch):
    """A function that has a signal sent after a step."""

    def send(step, number=signal.SIGINT):
        monkeypatch.setattr(pace, "_REPORT_SECONDS", 0)

        def noting(self, report):
            if report.step == step:
                signal.raise_signal(number)

        monkeypatch.setattr(PlainProgress, "step", noting)

    return send


@pytest.fixture
def interrupted(train, signal_at):
    """A function that begins a training and interrupts it after three steps."""

    def begin(*options, **rest):
        signal_at(3)
        done = train(*options, **rest)
        assert done.code == 130
        signal_at(0)
        return done

    return begin


def model_of(name):
    """The parameters of a stored model, and its history but for times."""
    model = load_model(models_folder() / f"{name}.safetensors")
    return model.network.parameters.vector.tobytes(), timeless(model.history)


def checkpoints():
    return sorted(path.name for path in models_folder().glob("*.checkpoint"))
