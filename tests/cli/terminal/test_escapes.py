"""What is made visible in a text for a terminal, and what is left alone."""

import json
import unicodedata

import pytest

from textgen.cli.terminal.escapes import escaped

BIDIRECTIONAL = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_no_control_character_is_left():
    controls = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
    assert len(controls) == 65
    for control in {*controls, *BIDIRECTIONAL} - {"\n", "\t"}:
        shown = escaped(f"a{control}b")
        assert shown.isprintable()
        assert shown.startswith("a\\")
        assert shown.encode().decode("unicode_escape") == f"a{control}b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("\x00\x07\r", "\\x00\\x07\\r"),
        ("\x7f\x9b2J", "\\u007f\\u009b2J"),
        ("\u202eabc", "\\u202eabc"),
        ("", ""),
    ],
)
def test_what_is_shown(text, shown):
    assert escaped(text) == shown
    assert escaped(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\nc\n",
        "\\x1b is no escape",
        "處處聞啼鳥",
        "e\u0301",
        "👩\u200d🚀",  # joined
        "שלום\u200f! \u200e",  # the marks of Hebrew and Arabic
        "no\xa0break",
        "\U000f0000\ufffd",
    ],
)
def test_what_is_left_alone(text):
    assert escaped(text) == text


def test_json_on_a_terminal_stays_json():
    record = {"text": "".join(map(chr, range(0x20, 0x100))) + BIDIRECTIONAL + "\r\n\x1b"}
    assert json.loads(escaped(json.dumps(record, ensure_ascii=False))) == record
