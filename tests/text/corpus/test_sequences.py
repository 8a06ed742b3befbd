from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.text.corpus.sequences import END, cut_sequences

UNITS = ["line", "paragraph", "file"]


def naive_sequences(text: str, unit: str) -> list[tuple[str, int]]:
    """Each sequence and the characters that it stands for, line by line."""
    if unit == "file":
        return [(text, len(text))] if text.strip() else []
    found: list[tuple[str, int]] = []
    leading, after_blank = 0, True
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        if not line.strip():
            after_blank = True
            if found:
                found[-1] = (found[-1][0], found[-1][1] + len(line))
            else:
                leading += len(line)
            continue
        content = line.removesuffix("\n")
        if unit == "paragraph" and not after_blank:
            found[-1] = (f"{found[-1][0]}\n{content}", found[-1][1] + len(line))
        else:
            found.append((content, leading + len(line)))
            leading = 0
        after_blank = False
    return found


def cut(chunks: list[str], unit: str, piece: int) -> list[tuple[str, int]]:
    blocks = list(cut_sequences(chunks, unit, piece))
    assert all(block.text.count(END) == len(block.characters) for block in blocks)
    *texts, unclosed = "".join(block.text for block in blocks).split(END)
    assert unclosed == ""
    characters = [count for block in blocks for count in block.characters]
    return list(zip(texts, characters, strict=True))


texts = st.text(alphabet="ab \n\n\t\u3000\x0c\u0301中", max_size=40)


@pytest.mark.parametrize("unit", UNITS)
@given(text=texts, chunk=st.integers(1, 9), piece=st.integers(1, 9))
def test_any_chunks_and_pieces_give_the_naive_sequences(unit, text, chunk, piece):
    chunks = [text[begin : begin + chunk] for begin in range(0, len(text), chunk)]
    expected = naive_sequences(text, unit)
    assert cut(chunks, unit, piece) == expected
    assert sum(count for _, count in expected) == (len(text) if text.strip() else 0)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("line", [(" a ", 6), ("b", 5), ("c", 1)]),
        ("paragraph", [(" a \nb", 11), ("c", 1)]),
        ("file", [("\n\n a \nb\n\t\n\nc", 12)]),
    ],
)
def test_worked_example(unit, expected):
    assert cut(["\n\n a \nb\n\t\n\nc"], unit, 1000) == expected


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("text", ["", "\n", " \n\t\n ", "   "])
def test_blanks_alone_are_no_sequence(unit, text):
    assert cut([text] * 3, unit, 2) == []


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("ab cd ef gh ", ["ab cd ", "ef ", "gh "]),
        ("abcdefgh", ["abc", "de", "fgh"]),
        ("aaa\u0301\u0301bbb", ["aa", "a\u0301\u0301b", "bb"]),
    ],
)
def test_a_long_sequence_is_passed_on_in_pieces(unit, text, pieces):
    chunks = [text[begin : begin + 4] for begin in range(0, len(text), 4)]
    blocks = list(cut_sequences(chunks, unit, 3))
    assert "".join(block.text for block in blocks) == text + END
    assert max(len(block.text) for block in blocks) <= 3 + 4
    assert all(not block.text.startswith("\u0301") for block in blocks)
    assert [count for block in blocks for count in block.characters] == [len(text)]


def test_pieces_end_after_a_newline_or_else_after_a_blank():
    blocks = list(cut_sequences(["one two\nthree ", "four five ", "six seven"], "paragraph", 10))
    assert [block.text for block in blocks] == ["one two\n", "three four ", "five six ", "seven" + END]
