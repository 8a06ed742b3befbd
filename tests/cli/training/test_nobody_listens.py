"""What tells the user never ends a training: neither notes nor results that nobody can take any more."""

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


def closed_pipe():
    """`textgen train 2>&1 | tee log`, when Ctrl-C has ended tee."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def full_pipe():
    """A pipe that is full, and does not wait; its reader sleeps."""
    _, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"-" * 4096)
    except BlockingIOError:
        return writer


def full_disk():
    """A file on a disk without room."""
    return os.open("/dev/full", os.O_WRONLY)


DEAF = [closed_pipe, full_pipe]
DEAF += [full_disk] if Path("/dev/full").exists() else []


@pytest.mark.parametrize("deaf", DEAF)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_ctrl_c(begun, textgen, corpus, deaf, options):
    """Both streams go there; with --json, there is a result to print."""
    stream = deaf()
    process = begun(*options, stdout=stream, stderr=stream)
    os.close(stream)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert load_model(models_folder() / "cats-char.safetensors").history.stopped == "interrupted"
    assert checkpoints() == ["cats-char.checkpoint"]
    done = textgen("train", corpus, "--resume", "--print-config")
    assert done.code == 0, done.err


def test_ctrl_c_at_a_full_disk_for_the_result_alone(begun):
    if full_disk not in DEAF:
        pytest.skip("there is no /dev/full")
    stream = full_disk()
    process = begun("--json", stdout=stream)
    os.close(stream)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == b"warning   standard output cannot be written: No space left on device"


@pytest.mark.parametrize("deaf", DEAF)
def test_notes_alone(start, corpus, deaf):
    stream = deaf()
    process = start("train", corpus, *SMALL, "--epochs", "3", "--json", stderr=stream)
    os.close(stream)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["result", *["sample"] * 3]
    assert load_model(models_folder() / "cats-char.safetensors").history.stopped == "epochs"


@pytest.mark.parametrize("deaf", [deaf for deaf in DEAF if deaf is not closed_pipe])
def test_sequences_that_cannot_be_shown(start, corpus, deaf):
    """They are data, so this is a failure; it says that the model is safe."""
    stream = deaf()
    process = start("train", corpus, *SMALL, "--epochs", "3", "--quiet", stdout=stream)
    os.close(stream)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith(b"textgen: standard output cannot be written: ")
    assert err.endswith(b"; the model is saved as cats-char\n")
    assert load_model(models_folder() / "cats-char.safetensors").history.stopped == "epochs"
