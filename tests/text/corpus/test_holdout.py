from __future__ import annotations

import numpy as np
import pytest

from textgen.text.corpus.holdout import hold_out, part_lone_sequence
from textgen.text.corpus.sequences import END, cut_sequences
from textgen.text.tokens.packed import PackedText
from textgen.text.tokens.tokenizers import TOKENIZERS

SEAM = TOKENIZERS["char"].seam


def packed(characters: list[int]) -> PackedText:
    """Sequence number i has i + 1 tokens, all of them i + 2, and `<eos>`."""
    ids = [token for i in range(len(characters)) for token in [i + 2] * (i + 1) + [1]]
    return PackedText(np.array(ids, np.uint8), np.array(characters, np.int32))


@pytest.mark.parametrize(
    ("characters", "fraction", "kept"),
    [
        ([10] * 10, 0.1, 9),
        ([10] * 10, 0.25, 7),  # 70 is as near to 75 as 80 is
        ([10] * 10, 0.24, 8),
        ([10] * 10, 0.001, 9),  # one sequence at least is held out
        ([10] * 10, 0.999, 1),  # and one is kept
        ([10, 10], 0.1, 1),
        ([30, 60, 10], 0.5, 1),
        ([89, 10, 1], 0.1, 1),
        ([100, 1], 0.3, 1),
    ],
)
def test_the_nearest_border_is_taken(characters, fraction, kept):
    text = packed(characters)
    train, valid = hold_out(text, fraction)
    assert valid is not None
    assert (len(train), len(valid)) == (kept, len(characters) - kept)
    assert np.concatenate([train.characters, valid.characters]).tolist() == characters
    assert np.concatenate([train.ids, valid.ids]).tolist() == text.ids.tolist()
    assert train.ids[-1] == valid.ids[-1] == 1
    assert valid.ids[0] == kept + 2


@pytest.mark.parametrize(("sequences", "held_out"), [(10, 1), (50, 5), (51, 5), (1000, 5)])
def test_unless_asked_otherwise_a_tenth_is_held_out_but_half_a_million_characters_at_most(sequences, held_out):
    text = PackedText(np.tile([2, 1], sequences).astype(np.uint8), np.full(sequences, 100_000))
    assert [len(part or ()) for part in hold_out(text, None)] == [sequences - held_out, held_out]
    assert len(hold_out(text, 0.1)[0]) == round(0.9 * sequences), "what is asked for is obeyed"


@pytest.mark.parametrize("characters", [[100], [9, 10], [10, 990], [44, 56]])
def test_nothing_is_held_out_where_no_cut_is_sensible(characters):
    text = packed(characters)
    assert hold_out(text, 0.1) == (text, None)


def part(text: str, unit: str, fraction: float, piece: int = 1000) -> list[tuple[str, int]]:
    chunks = [text[begin : begin + 7] for begin in range(0, len(text), 7)]
    blocks = list(part_lone_sequence(cut_sequences(chunks, unit, SEAM, piece), fraction))
    characters = [count for block in blocks for count in block.characters]
    return list(zip("".join(block.text for block in blocks).split(END), characters, strict=False))


@pytest.mark.parametrize("piece", [1, 5, 20, 1000])
@pytest.mark.parametrize(
    ("unit", "text", "fraction", "first"),
    [
        ("file", "0123\n" * 10, 0.1, "0123\n" * 9),
        ("file", "0123\n" * 10, 0.14, "0123\n" * 9),
        ("paragraph", "0123\n" * 10, 0.3, "0123\n" * 7),
        ("file", "a\n" + "b" * 98, 0.1, "a\n" + "b" * 88),  # the only line end is too far away
        ("line", "word " * 20, 0.5, "word " * 10),
        ("line", "word " * 20, 0.48, "word " * 10),
        ("line", "a" * 100, 0.1, "a" * 90),
        ("line", "\n \n" + "a" * 100 + "\n\n", 0.5, "a" * 50),
        ("line", "a" * 100, 0.001, "a" * 99),
    ],
)
def test_a_lone_sequence_is_parted(piece, unit, text, fraction, first):
    (one, ones), (two, twos) = part(text, unit, fraction, piece)
    assert one == first
    assert (one + two).strip() == text.strip()
    assert (ones, ones + twos) == (len(first), len(text))


@pytest.mark.parametrize(("fraction", "first"), [(None, 5_500_000), (0.1, 5_400_000)])
def test_of_a_long_lone_sequence_half_a_million_characters_are_held_out(fraction, first):
    blocks = part_lone_sequence(cut_sequences(["a" * 6_000_000], "file", SEAM), fraction)
    assert [count for block in blocks for count in block.characters] == [first, 6_000_000 - first]


@pytest.mark.parametrize("text", ["a" * 19, "a\nb\n" * 20, "\n\n" + "a" * 18 + "\n"])
def test_other_texts_stay_as_they_are(text):
    expected = list(cut_sequences([text], "line", SEAM))
    assert list(part_lone_sequence(cut_sequences([text], "line", SEAM), 0.1)) == expected


def test_no_text_stays_no_text():
    assert list(part_lone_sequence(iter([]), 0.1)) == []
