"""Paths: what is found at one, how one is shown, and kept in JSON and found again."""

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.paths import Found, display_name, found_again, kept, look_at, shown

posix = pytest.mark.skipif(sys.platform == "win32", reason="names that are bytes, links and pipes are POSIX")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("", ""),
        ("café 春", "café 春"),
        ("caf\udce9.txt", "caf\\xe9.txt"),
        ("\udc80\udcff", "\\x80\\xff"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_utf8_cannot_hold_is_shown_escaped(text, escaped):
    assert shown(text) == escaped
    assert display_name(Path(text or "a")) == (escaped or "a")


def test_standard_input_has_a_name():
    assert display_name("-") == display_name(Path("-")) == "standard input"


@posix
@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_a_path_of_any_bytes_is_found_again(name):
    path = Path(os.fsdecode(b"/" + name))
    text = kept(path)
    assert found_again(json.loads(json.dumps(text).encode())) == path
    assert text == str(path) or text.startswith("file:///")
    text.encode()


def test_an_ordinary_path_is_kept_as_it_is():
    for text in ("a.txt", "/tmp/中 文%E9.txt", "file:x", "~"):
        assert kept(Path(text)) == text
        assert found_again(text) == Path(text)


@posix
def test_what_there_is(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "lost").symlink_to(tmp_path / "absent")
    (tmp_path / "live").symlink_to(tmp_path / "file")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    os.mkfifo(tmp_path / "pipe")
    expected = {
        "file": (Found.FILE, "", True),
        "live": (Found.FILE, "", True),
        "pipe": (Found.STREAM, "", True),
        ".": (Found.FOLDER, "a folder, not a model", True),
        "lost": (Found.LOST_LINK, f"no such model: it is a link to {tmp_path / 'absent'}, which is not there", True),
        "absent": (Found.NOTHING, "no such model", False),
        "file/below": (Found.NOTHING, "no such model", False),
        "nul\0": (Found.NOTHING, "no such model", False),
        "round": (Found.REFUSED, "its links lead round in a circle", False),
        "中" * 86: (Found.REFUSED, "the name is longer than a file's can be", False),
    }
    for name, found in expected.items():
        look = look_at(tmp_path / name, "model")
        assert (look.kind, look.problem, look.is_taken) == found, name
