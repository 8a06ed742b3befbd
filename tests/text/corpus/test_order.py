"""Which texts are taken for sorted lists."""

from pathlib import Path

import numpy as np
import pytest

from tests.text.corpus.test_corpus import Options
from textgen.text.corpus.corpus import read_corpus

AUTO = Options(unit="auto", valid_fraction=0.1)
CORPORA = Path(__file__).parents[3] / "corpora"
NAMES = sorted((CORPORA / "names.txt").read_text(encoding="utf-8").split()[:200])


@pytest.fixture
def is_sorted(tmp_path):
    """A function that says what a text of such lines is taken for."""

    def ask(lines, **options):
        path = tmp_path / "lines.txt"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read_corpus([path], Options(**{"valid_fraction": 0.1, **options}), lambda message: None).is_sorted

    return ask


def swapped(lines, swaps):
    """`lines` with so many pairs of neighbours in the wrong order."""
    lines = list(lines)
    for idx in range(0, 2 * swaps, 2):
        lines[idx], lines[idx + 1] = lines[idx + 1], lines[idx]
    return lines


@pytest.mark.parametrize("tokenizer", ["char", "word", "whitespace"])
@pytest.mark.parametrize(
    "lines",
    [
        NAMES,
        NAMES[::-1],
        sorted([name.lower() if idx % 3 else name for idx, name in enumerate(NAMES)], key=str.casefold),
        [name for name in NAMES for _ in range(5)],
        [*NAMES[100:], *NAMES[:100]],
        [f"{number} {name}" for number, name in enumerate(NAMES)],
        [*NAMES[:150], *(f"{chr(0x4E00 + idx)}😀" for idx in range(50))],
        ["a", "b", *(f"b{'b' * 5000}{number:02}" for number in range(40)), *NAMES],
    ],
    ids=["up", "down", "small letters", "five of each", "two lists", "numbers", "emoji", "long ones"],
)
def test_sorted_lists(is_sorted, lines, tokenizer):
    """Whether a name is in the vocabulary or not: at the word level hardly one is."""
    assert is_sorted(lines, tokenizer=tokenizer)


@pytest.mark.parametrize(
    "lines",
    [
        ["a"],
        ["b", "a"],
        NAMES[:20],
        ["same"] * 100,
        [NAMES[0], NAMES[1]] * 50,
        list(np.random.default_rng(1).permutation(NAMES)),
    ],
    ids=["one", "two", "twenty", "the same", "in turn", "shuffled"],
)
def test_what_is_no_sorted_list_or_too_short_to_tell(is_sorted, lines):
    assert not is_sorted(lines)


def test_one_in_twenty_may_be_out_of_order(is_sorted):
    """Of 199 pairs of neighbours nine, not ten."""
    assert is_sorted(swapped(NAMES, 9))
    assert not is_sorted(swapped(NAMES, 10))


def test_twenty_pairs_are_enough(is_sorted):
    assert is_sorted(NAMES[:21])


def test_only_where_its_end_is_held_out(is_sorted, tmp_path):
    assert not is_sorted(NAMES, shuffle=True)
    assert not is_sorted(NAMES, valid_fraction=0)
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    files = [tmp_path / "names.txt"]
    assert not read_corpus(files, AUTO, lambda message: None, valid_paths=files).is_sorted


@pytest.mark.parametrize("name", ["alice", "names", "pride", "shakespeare", "sqlite", "tang"])
def test_the_texts_that_come_along(name):
    """Names are by frequency; most have that of others, and those are in alphabetical order."""
    found = read_corpus([CORPORA / f"{name}.txt"], AUTO, lambda message: None)
    assert found.is_sorted == (name == "names")
