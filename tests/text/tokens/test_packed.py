from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.text.tokens import packed
from textgen.text.tokens.packed import PackedText, stretches

sequences_of_ids = st.lists(st.lists(st.integers(2, 9), max_size=12), min_size=1, max_size=8)


def pack(sequences: list[list[int]]) -> PackedText:
    ids = [token for sequence in sequences for token in [*sequence, 1]]
    return PackedText(np.array(ids, np.uint8), np.array([len(sequence) + 5 for sequence in sequences], np.int32))


def unpack(text: PackedText) -> list[list[int]]:
    places = zip(text.starts.tolist(), text.lengths.tolist(), strict=True)
    return [text.ids[start : start + length - 1].tolist() for start, length in places]


@given(sequences_of_ids, st.integers(1, 7), st.randoms())
def test_starts_lengths_and_permuting(monkeypatch_stretch, sequences, stretch, random):
    monkeypatch_stretch(stretch)
    text = pack(sequences)
    assert len(text) == len(sequences)
    assert unpack(text) == sequences
    order = random.sample(range(len(sequences)), len(sequences))
    result = text.permuted(np.array(order))
    assert unpack(result) == [sequences[i] for i in order]
    assert result.characters.tolist() == [len(sequences[i]) + 5 for i in order]
    assert result.ids.dtype == np.uint8


@pytest.fixture(scope="module")
def monkeypatch_stretch():
    with pytest.MonkeyPatch.context() as patch:
        yield lambda size: patch.setattr(packed, "STRETCH", size)


def test_parted():
    text = pack([[2, 3], [], [4]])
    first, second = text.parted(2)
    assert (unpack(first), unpack(second)) == ([[2, 3], []], [[4]])
    assert np.shares_memory(first.ids, text.ids)


def test_stretches_cover_everything(monkeypatch):
    monkeypatch.setattr(packed, "STRETCH", 4)
    assert list(stretches(10)) == [(0, 4), (4, 8), (8, 10)]
    assert list(stretches(0)) == []
