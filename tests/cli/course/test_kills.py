"""A training that is killed with SIGKILL, again and again, ends as one that was left alone.

The short form of tests/benchmarks/kills.py: each process kills itself, at a place that is chosen, not at a time.
"""

import signal
import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT, SMALL, model_of
from textgen.lm.progress.checkpoint import read_checkpoint
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import models_folder

if sys.platform == "win32":
    pytest.skip("there is no SIGKILL on Windows", allow_module_level=True)

# Runs a command line; the process kills itself the `count`th time that it comes to `place`.
PROGRAM = """
import os, signal, sys
from textgen.cli.boundary import main
from textgen.lm.storage import atomic_write as files
from textgen.lm.training import learner
from textgen.lm.progress import pace

place, count, *arguments = sys.argv[1:]
left = int(count)
pace.Pace.is_checkpoint_due = property(lambda self: True)  # a checkpoint after every step

def passing(here):
    global left
    left -= here == place
    if here == place and not left:
        os.kill(os.getpid(), signal.SIGKILL)

def wrap(owner, name, before="", after=""):
    plain = getattr(owner, name)
    def wrapped(*arguments, **options):
        passing(before)
        found = plain(*arguments, **options)
        passing(after)
        return found
    setattr(owner, name, wrapped)

def half(parts):
    for part in parts:
        yield bytes(part)[: len(part) // 2]
        passing("half of a file")
        yield bytes(part)[len(part) // 2 :]

write = files._write_flushed
files._write_flushed = lambda path, parts: write(path, half(parts))
wrap(learner.Learner, "measure", "before a step")
wrap(learner.Learner, "update", "before an update", "after an update")
wrap(files, "_flush_folder", "a file in its place")
wrap(os, "fsync", "a file not yet flushed", "a file not yet in its place")
main(arguments)
"""
PLACES = [
    ("before a step", 1),  # there is nothing yet
    ("half of a file", 2),  # of the first checkpoint
    ("after an update", 9),
    ("half of a file", 50),  # some files further
    ("before an update", 4),
    ("a file not yet flushed", 3),
    ("a file not yet in its place", 4),
    ("a file in its place", 3),
]


def test_killed_in_many_places(train, corpus):
    options = [*SMALL, "--dropout", "0.3", "--epochs", "6"]
    assert train("--dropout", "0.3", "--name", "whole", length=("--epochs", "6")).code == 0
    path = models_folder() / "killed.checkpoint"
    steps = []
    for place, count in PLACES:
        resumed = ["--resume"] if path.exists() else options
        command = ["train", str(corpus), "--name", "killed", *resumed]
        killed = subprocess.run([sys.executable, "-c", PROGRAM, place, str(count), *command], cwd=ROOT, check=False)
        assert killed.returncode == -signal.SIGKILL, (place, count)
        steps.append(read_checkpoint(path).state.step if path.exists() else None)
    assert steps[0] is None
    assert steps[-1] is not None, steps
    assert steps[1:] == sorted(steps[1:], key=lambda step: step or 0), "never behind where it was"
    command = ["train", str(corpus), "--name", "killed", "--resume"]
    assert subprocess.run([sys.executable, "-m", "textgen", *command], cwd=ROOT, check=False).returncode == 0
    assert model_of("killed") == model_of("whole")
    assert load_model(models_folder() / "killed.safetensors").history.stopped == "epochs"
    left = {file.name for file in models_folder().iterdir()}
    assert left == {
        f"{name}.{suffix}" for name in ("whole", "killed") for suffix in ("safetensors", "checkpoint", "index")
    }
