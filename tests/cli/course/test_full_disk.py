"""A training whose checkpoint, model or index cannot be written, and what a killed process leaves."""

import errno
import json
import os

import pytest

from tests.cli.conftest import checkpoints, model_of
from textgen.lm.progress import pace
from textgen.lm.storage import atomic_write as files
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import checkpoint_path, index_path, models_folder


@pytest.fixture
def full(monkeypatch):
    """A disk that refuses files of the suffixes in a set."""
    refused: set[str] = set()
    write = files.write_atomically

    def write_unless_full(path, parts, *, overwrite):
        if path.suffix in refused:
            raise files.output_error(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        write(path, parts, overwrite=overwrite)

    for module in ("progress.checkpoint", "storage.model_file", "storage.index_file"):
        monkeypatch.setattr(f"textgen.lm.{module}.write_atomically", write_unless_full)
    return refused


def test_a_checkpoint_that_cannot_be_written_ends_nothing(train, full, tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "_CHECKPOINT_SHARE", 1)
    full.add(".checkpoint")
    done = train("--log", tmp_path / "log")
    assert done.code == 0
    told = [line for line in done.err.splitlines() if line.startswith("warning")]
    assert len(told) == 1
    assert told[0].endswith(
        "cats-char.checkpoint: cannot be written: No space left on device; the training goes on, and it is tried again"
    )
    assert checkpoints() == []
    records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    errors = [record["error"] for record in records if record["event"] == "checkpoint"]
    assert len(errors) >= 2
    assert all("No space left on device" in error for error in errors)


def test_an_interruption_while_the_disk_is_full(train, full, signal_at):
    """There is nothing to go on with, and nothing is promised."""
    full.add(".checkpoint")
    signal_at(3)
    done = train()
    assert done.code == 130
    assert "go on" not in done.err.split()
    assert load_model(models_folder() / "cats-char.safetensors").history.stopped == "interrupted"


def test_a_model_that_cannot_be_written_ends_the_work_only_at_its_end(textgen, train, full, corpus):
    full.add(".safetensors")
    done = train()
    assert (done.code, done.out) == (1, "")
    place = models_folder() / "cats-char.safetensors"
    failure = f"{place}: cannot be written: No space left on device"
    assert done.err.count(f"warning   {failure}; the training goes on, and it is tried again\n") == 1
    command = f"textgen train {corpus} --resume --name cats-char"
    assert done.err.splitlines()[-1] == f"textgen: {failure}; when there is room, this makes it: {command}"
    full.clear()
    assert textgen("train", corpus, "--resume").code == 0
    train("--name", "whole")
    assert model_of("cats-char") == model_of("whole")


def test_an_index_that_cannot_be_written_ends_nothing(train, full):
    full.add(".index")
    done = train()
    assert done.code == 0
    place = models_folder() / "cats-char.index"
    assert [line for line in done.err.splitlines() if line.startswith("warning")] == [
        f"warning   {place}: cannot be written: No space left on device;"
        " the model is saved, but without it copies cannot be found in what is written"
    ]
    assert "\ncopied    longest run" in done.err
    assert sorted(path.name for path in models_folder().iterdir()) == ["cats-char.checkpoint", "cats-char.safetensors"]


def test_what_a_killed_process_left_is_removed(textgen, interrupted, corpus):
    interrupted()
    path = models_folder() / "cats-char.safetensors"
    left = []
    for file in (path, checkpoint_path(path), index_path(path)):
        left.append(file.with_name(f"{files.hidden_stem(file)}0123456789abcdef.tmp"))
        left[-1].write_bytes(b"half of it")
    assert textgen("train", corpus, "--resume").code == 0
    assert not any(file.exists() for file in left)
