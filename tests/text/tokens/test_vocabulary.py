from __future__ import annotations

import numpy as np
import pytest

from textgen.errors import ModelFileError
from textgen.text.tokens.vocabulary import EOS, EOS_ID, UNK, UNK_ID, Vocabulary

COUNTS = {"b": 3, "a": 3, "z": 7, "é": 1, "Z": 3}


def test_order_is_by_falling_count_then_code_points():
    vocabulary = Vocabulary.from_counts(COUNTS, eos_count=4, unk_count=0, min_count=1, max_vocab=0)
    assert vocabulary.tokens == (UNK, EOS, "z", "Z", "a", "b", "é")
    assert vocabulary.counts == (0, 4, 7, 3, 3, 3, 1)
    assert vocabulary == Vocabulary.from_counts(dict(reversed(COUNTS.items())), 4, 0, 1, 0)


@pytest.mark.parametrize(
    ("min_count", "max_vocab", "kept", "unknown"),
    [(2, 0, "zZab", 5 + 1), (1, 2, "zZ", 5 + 7), (4, 3, "z", 5 + 10), (8, 0, "", 5 + 17)],
)
def test_dropped_tokens_count_as_unknown(min_count, max_vocab, kept, unknown):
    vocabulary = Vocabulary.from_counts(COUNTS, 4, 5, min_count, max_vocab)
    assert vocabulary.tokens == (UNK, EOS, *kept)
    assert vocabulary.counts[:2] == (unknown, 4)
    assert sum(vocabulary.counts) == sum(COUNTS.values()) + 4 + 5


def test_literal_reserved_tokens_and_unseen_tokens_are_not_kept():
    vocabulary = Vocabulary.from_counts({UNK: 3, EOS: 2, "never": 0, "a": 1}, 1, 1, 0, 0)
    assert vocabulary == Vocabulary((UNK, EOS, "a"), (6, 1, 1))


def test_ids_and_tokens():
    vocabulary = Vocabulary((UNK, EOS, "a", "b"), (0, 1, 1, 1))
    ids = vocabulary.ids_of(["b", "nope", UNK, EOS, "a"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [3, UNK_ID, UNK_ID, UNK_ID, 2]
    assert vocabulary.tokens_of(np.array([3, 0, EOS_ID, 2], np.uint8)) == ["b", UNK, EOS, "a"]
    assert vocabulary.ids_of([]).shape == (0,)
    assert len(vocabulary) == 4
    assert [token in vocabulary for token in ("b", "nope", UNK, EOS, "a")] == [True, False, False, False, True]


@pytest.mark.parametrize(("size", "dtype"), [(2, "uint8"), (256, "uint8"), (257, "uint16"), (65537, "uint32")])
def test_dtype_is_the_smallest_that_holds_all_ids(size, dtype):
    tokens = (UNK, EOS, *map(str, range(size - 2)))
    assert Vocabulary(tokens, (0,) * size).dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    ("tokens", "counts", "message"),
    [
        ((EOS, UNK, "a"), (0, 1, 2), "must begin with <unk> and <eos>, found"),
        ((), (), "must begin with <unk> and <eos>, found"),
        ((UNK, EOS, ""), (0, 1, 2), "token 2 is empty"),
        ((UNK, EOS, "a", "a"), (0, 0, 0, 0), "the token 'a' 2 times"),
        ((UNK, EOS, "a"), (0, 1), "3 tokens but 2 counts"),
        ((UNK, EOS, "a"), (0, 1, -1), "count 2 is negative"),
    ],
)
def test_what_a_damaged_file_may_hold_is_described(tokens, counts, message):
    with pytest.raises(ModelFileError, match=message):
        Vocabulary(tokens, counts)
