"""Running the command line, in this process (`textgen`) or in one of its own (`start`); small trained models."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lm.tasks import timeless
from textgen.cli.boundary import run
from textgen.cli.course.progress import PlainProgress
from textgen.lm.progress import pace
from textgen.lm.storage import store as model_store
from textgen.lm.storage.model_file import halve_model, load_model
from textgen.lm.storage.store import models_folder

ROOT = Path(__file__).parents[2]
# All that the tests look at is set here, so that a better default changes no test.
SMALL = ["--cell", "lstm", "--hidden", "8", "--layers", "1", "--embedding", "0", "--head-layers", "0"]
SMALL += ["--dropout", "0", "--lr", "0.003", "--batch", "4", "--bptt", "16", "--threads", "1"]

LIMIT = 300  # seconds after which a process is killed, so that no test waits for ever

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

    @property
    def table(self):
        """Standard output, read as TSV with a heading: a dictionary a line."""
        heading, *lines = [line.split("\t") for line in self.out.splitlines()]
        assert all(len(line) == len(heading) for line in lines)
        return [dict(zip(heading, line, strict=True)) for line in lines]


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
    """A function that starts one command line in a process of its own, or with `program` that Python program."""
    started = []

    def begin(*arguments, program=None, **options):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
        command = ["-m", "textgen"] if program is None else ["-c", program]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [sys.executable, *command, *map(str, arguments)], env=environment, **{**pipes, **options}
        )
        limit = threading.Timer(LIMIT, process.kill)
        limit.daemon = True
        limit.start()
        started.append((process, limit))
        return process

    yield begin
    for process, limit in started:
        limit.cancel()
        process.kill()
        process.communicate()


@dataclass
class Seat:
    """A process at a pseudo-terminal, and the other end of that."""

    process: subprocess.Popen[bytes]
    ours: int

    def close(self):
        """Close the terminal."""
        if self.ours >= 0:
            os.close(self.ours)
        self.ours = -1

    def type(self, keys):
        """Press keys."""
        os.write(self.ours, keys)

    def read(self, until=None):
        """What came to the terminal since we last looked, up to `until`; without it, up to the process's end."""
        seen = b""
        while until is None or until not in seen:
            try:
                new = os.read(self.ours, 65536)
            except OSError:  # how Linux says that nobody has the other end any more
                new = b""
            if not new:
                break
            seen += new
        assert until is None or until in seen, seen
        return seen.decode().replace("\r\n", "\n")


@pytest.fixture
def at_terminal(start):
    """A function that starts a command whose `streams` are a terminal of its own."""
    taken = []

    def begin(*arguments, streams=("stdout", "stderr"), env=None, **options):
        ours, theirs = os.openpty()
        ends = dict.fromkeys(streams, theirs)
        process = start(*arguments, env={"TERM": "xterm", **(env or {})}, **ends, **options)
        os.close(theirs)
        taken.append(Seat(process, ours))
        return taken[-1]

    yield begin
    for seat in taken:
        seat.close()


@pytest.fixture
def begun(start, corpus):
    """A function that starts a training that would not end by itself, and waits for its first checkpoint.

    by : what starts it, `start` or `at_terminal`.
    """

    def begin(*options, by=start, **rest):
        reader, writer = os.pipe()
        log = ["--log", f"/dev/fd/{writer}"]
        long = ["--epochs", "1000000", "--patience", "0"]
        process = by("train", corpus, *SMALL, *long, *log, *options, pass_fds=[writer], **rest)
        os.close(writer)
        records = os.fdopen(reader, encoding="utf-8")
        assert any(json.loads(record)["event"] == "checkpoint" for record in records)
        threading.Thread(target=_drain, args=[records], daemon=True).start()
        return process

    return begin


def _drain(stream):
    """Read what comes, so that whoever writes need not wait."""
    with stream:
        for _ in stream:
            pass


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
def packaged(models):
    """A function that puts small models, halved, where those are that come with textgen."""

    def pack(*levels):
        model_store.packaged_folder().mkdir(exist_ok=True)
        for level in levels:
            model = load_model(models["words" if level == "word" else "lines"])
            halve_model(model, model_store.packaged_folder() / f"english-{level}.safetensors")

    return pack


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
