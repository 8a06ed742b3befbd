"""`--log`: a record a report, whatever befell the file before and befalls it now."""

import errno
import io
import json
import math
from pathlib import Path

import pytest

from textgen.cli.course.log import open_log
from textgen.cli.terminal.output import Notes
from textgen.errors import OutputError

full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class FullDisk(io.FileIO):
    """A file on a disk that has room for `room` bytes."""

    room = 0

    def write(self, content):
        if not FullDisk.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = super().write(content[: FullDisk.room])
        FullDisk.room -= written
        return written


def test_records_are_strict_json_and_there_at_once(tmp_path):
    path = tmp_path / "log.jsonl"
    with open_log(path, Notes()) as write:
        write({"loss": math.inf, "perplexity": math.nan, "name": "春\n"})
        assert read(path) == [{"loss": None, "perplexity": None, "name": "春\n"}], "before the file is closed"
        write({"loss": 2.5})
    assert read(path)[1] == {"loss": 2.5}


def test_a_second_training_is_appended_even_after_a_line_without_an_end(tmp_path):
    """As a killed process leaves one; what it had written of its last record stays, on a line of its own."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step"')
    with open_log(path, Notes()) as write:
        write({"step": 2})
        write({"step": 3})
    assert path.read_bytes() == b'{"step": 1}\n{"step"\n{"step": 2}\n{"step": 3}\n'


@pytest.mark.parametrize("room", [0, 1, 5])
def test_a_disk_that_is_full_for_a_while_leaves_gaps(tmp_path, monkeypatch, capsys, room):
    monkeypatch.setattr("textgen.cli.course.log.io.FileIO", FullDisk)
    path, FullDisk.room = tmp_path / "log.jsonl", 12 + room
    with open_log(path, Notes()) as write:
        write({"step": 1})
        write({"step": 2})
        write({"step": 3})
        FullDisk.room = 1000
        write({"step": 4})
    lines = path.read_text().splitlines()
    assert [lines[0], lines[-1]] == ['{"step": 1}', '{"step": 4}']
    assert len(lines) == 2 + bool(room), "no line is empty, and what was begun has an end"
    assert capsys.readouterr().err.count("the training goes on, its log will have gaps") == 1


@full
def test_a_disk_that_is_full_from_the_start_is_an_error():
    with open_log(Path("/dev/full"), Notes()) as write, pytest.raises(OutputError, match="No space left on device"):
        write({"step": 1})


@pytest.mark.parametrize(("name", "code"), [("folder", 1), ("absent/log.jsonl", 1), ("-", 2)])
def test_what_cannot_be_a_log_is_said_before_the_training(train, tmp_path, monkeypatch, name, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    done = train("--log", name)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("textgen: ")
    assert len(done.err.splitlines()) == 1
    assert not Path("-").exists()


def test_the_log_is_no_file_of_the_training(train, corpus, tmp_path):
    """A text would have reports appended to it."""
    text, link = corpus.read_bytes(), tmp_path / "link.txt"
    link.symlink_to(corpus)
    for log, options in (
        (corpus, ()),
        (link, ()),
        (tmp_path / "m.safetensors", ("--output", tmp_path / "m.safetensors")),
        (tmp_path / "m.checkpoint", ("--output", tmp_path / "m.safetensors")),
    ):
        done = train("--log", log, *options)
        assert (done.code, done.out) == (2, "")
        assert f"--log cannot be {log}: the training reads or writes that file already" in done.err
    assert corpus.read_bytes() == text


@full
def test_a_full_disk_from_the_start_ends_the_training_with_a_message(train):
    done = train("--log", "/dev/full")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == "textgen: /dev/full: cannot be written: No space left on device"
