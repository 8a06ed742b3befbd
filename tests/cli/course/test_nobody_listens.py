"""What tells the user never ends a training: neither notes nor results that nobody can take any more."""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import SMALL, checkpoints
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import models_folder

if sys.platform == "win32":
    pytest.skip("signals and pipes are POSIX", allow_module_level=True)


class ClosedPipe:
    """`textgen train 2>&1 | tee log`, when Ctrl-C ends tee, too."""

    def __init__(self):
        self.reader, self.stream = os.pipe()

    def deafen(self):
        os.close(self.reader)

    def close(self):
        os.close(self.stream)


class FullPipe(ClosedPipe):
    """A pipe that does not wait, and whose reader sleeps."""

    def deafen(self):
        os.set_blocking(self.stream, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self.stream, b"-")

    def close(self):
        os.close(self.reader)
        os.close(self.stream)


class FullDisk:
    """A file on a disk without room, from the beginning on."""

    def __init__(self):
        self.stream = os.open("/dev/full", os.O_WRONLY)

    def deafen(self):
        """It is."""

    def close(self):
        os.close(self.stream)


DEAF: list[type] = [ClosedPipe, FullPipe]
DEAF += [FullDisk] if Path("/dev/full").exists() else []


@pytest.fixture(params=DEAF)
def deaf(request):
    """Something that takes no more from the moment on that `deafen` is called."""
    ends = request.param()
    yield ends
    ends.close()


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_ctrl_c(begun, textgen, corpus, deaf, options):
    """Both streams go there; with --json, there is a result to print."""
    process = begun(*options, stdout=deaf.stream, stderr=deaf.stream)
    deaf.deafen()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert load_model(models_folder() / "cats-char.safetensors").history.stopped == "interrupted"
    assert checkpoints() == ["cats-char.checkpoint"]
    done = textgen("train", corpus, "--resume", "--print-config")
    assert done.code == 0, done.err


def test_ctrl_c_where_the_result_alone_is_lost(begun, deaf):
    process = begun("--json", stdout=deaf.stream)
    deaf.deafen()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    told = b"warning   standard output cannot be written: " in err.splitlines()[-1]
    assert told == (type(deaf) is not ClosedPipe), "whoever closes a pipe knows it"


def test_notes_alone(start, corpus, deaf):
    deaf.deafen()
    process = start("train", corpus, *SMALL, "--epochs", "3", "--json", stderr=deaf.stream)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["result", *["sample"] * 10, "copied"]
    assert load_model(models_folder() / "cats-char.safetensors").history.stopped == "epochs"


def test_sequences_that_cannot_be_shown(start, corpus, deaf):
    """They are data, so this is a failure, which says that the model is safe; but for a pipe that is closed."""
    deaf.deafen()
    process = start("train", corpus, *SMALL, "--epochs", "3", "--quiet", stdout=deaf.stream)
    _, err = process.communicate(timeout=60)
    if type(deaf) is ClosedPipe:
        assert (process.returncode, err) == (0, b"")
    else:
        assert process.returncode == 1
        assert err.startswith(b"textgen: standard output cannot be written: ")
        assert err.endswith(b"; the model is saved as cats-char\n")
    assert load_model(models_folder() / "cats-char.safetensors").history.stopped == "epochs"
