from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.nasty import NASTY, nasty_texts
from textgen.text.tokens.tokenizers import TOKENIZERS, normalize

CHAR = TOKENIZERS["char"]
WHITESPACE = TOKENIZERS["whitespace"]


def test_registry_names_levels_and_limits():
    found = {name: (each.name, each.level, each.min_count, each.max_vocab) for name, each in TOKENIZERS.items()}
    assert found == {
        "char": ("char", "char", 1, 0),
        "word": ("word", "word", 2, 20000),
        "whitespace": ("whitespace", "word", 1, 0),
    }


def test_registries_load_no_numpy():
    code = (
        "import sys, textgen.text.tokens.tokenizers as t, textgen.text.corpus.units as u;"
        "assert t.TOKENIZERS and u.UNITS; print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@given(nasty_texts)
def test_characters_come_back_exactly(text):
    assert CHAR.detokenize(CHAR.tokenize(text)) == text


def test_char_tokens_are_code_points():
    assert CHAR.tokenize("né\n👍🏽") == ["n", "é", "\n", "👍", "🏽"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("the <unk> .\nyes", ["the", "<unk>", ".", "\n", "yes"]),
        ("  a\t b\u00a0c ", ["a", "b", "c"]),
        ("\n\na \n", ["\n", "\n", "a", "\n"]),
        ("", []),
        ("don't，", ["don't，"]),
    ],
)
def test_whitespace_tokens(text, tokens):
    assert WHITESPACE.tokenize(text) == tokens


def test_whitespace_detokenize_puts_no_blank_beside_a_newline():
    assert WHITESPACE.detokenize(["\n", "a", "b", "\n", "\n", "c", "\n"]) == "\na b\n\nc\n"


@pytest.mark.parametrize("name", TOKENIZERS)
@given(tokens=st.lists(st.text(alphabet="ab\n ￭▁<中", min_size=1, max_size=4) | st.just("<unk>")))
def test_any_tokens_can_be_shown(name, tokens):
    shown = TOKENIZERS[name].detokenize(tokens)
    assert shown.count("<unk>") >= sum(token == "<unk>" for token in tokens)
    assert shown.count("a") == sum(token.count("a") for token in tokens)


@pytest.mark.parametrize(
    ("text", "lowercase", "expected"),
    [
        ("e\u0301", False, "é"),
        ("E\u0301", True, "é"),
        ("İ", False, "İ"),
        ("I\u0307", True, "i\u0307"),
        ("J\u030c", True, "ǰ"),  # composes only after lower() has run
        ("\u1100\u1161\u11a8", False, "각"),
        ("\u212b", False, "Å"),
        ("ΣΑΣ", True, "σας"),
    ],
)
def test_normalize(text, lowercase, expected):
    assert normalize(text, lowercase) == expected


@pytest.mark.parametrize("lowercase", [False, True])
@given(text=nasty_texts)
def test_normalize_gives_nfc_and_is_stable(lowercase, text):
    once = normalize(text, lowercase)
    assert unicodedata.is_normalized("NFC", once)
    assert normalize(once, lowercase) == once


@pytest.mark.parametrize("name", ["word", "whitespace"])
@pytest.mark.parametrize("text", NASTY)
def test_word_level_tokens_hold_no_blanks_and_are_never_empty(name, text):
    tokens = TOKENIZERS[name].tokenize(text)
    assert all(token == "\n" or token.split() == [token] for token in tokens)
