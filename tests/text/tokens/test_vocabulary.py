from __future__ import annotations

import json

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


@pytest.mark.parametrize(("size", "dtype"), [(2, "uint8"), (256, "uint8"), (257, "uint16"), (65537, "uint32")])
def test_dtype_is_the_smallest_that_holds_all_ids(size, dtype):
    tokens = (UNK, EOS, *map(str, range(size - 2)))
    assert Vocabulary(tokens, (0,) * size).dtype == np.dtype(dtype)


def test_json_comes_back():
    vocabulary = Vocabulary((UNK, EOS, "中", '"', "\n", "￭,", "\u0301"), (9, 8, 7, 6, 5, 4, 0))
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


GOOD = {"tokens": [UNK, EOS, "a"], "counts": [0, 1, 2]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "the vocabulary is not JSON"),
        ("[1]", r"an object with 'tokens' and 'counts', found \[1\]"),
        ({"tokens": []}, "an object with 'tokens' and 'counts'"),
        ({**GOOD, "more": 1}, "an object with 'tokens' and 'counts'"),
        ({**GOOD, "tokens": "abc"}, 'tokens must be a list, found "abc"'),
        ({**GOOD, "tokens": [UNK, EOS, 3]}, "token 2 must be a non-empty string, found 3"),
        ({**GOOD, "tokens": [UNK, EOS, ""]}, 'token 2 must be a non-empty string, found ""'),
        ({**GOOD, "tokens": [EOS, UNK, "a"]}, "must begin with <unk> and <eos>, found"),
        ({"tokens": [], "counts": []}, "must begin with <unk> and <eos>, found"),
        ({"tokens": [UNK, EOS, "a", "a"], "counts": [0] * 4}, "the token 'a' 2 times"),
        ({**GOOD, "counts": {"a": 1}}, "counts must be a list"),
        ({**GOOD, "counts": [0, 1]}, "3 tokens but 2 counts"),
        ({**GOOD, "counts": [0, 1, -1]}, "count 2 must be an integer of 0 or more, found -1"),
        ({**GOOD, "counts": [0, True, 1]}, "count 1 must be an integer of 0 or more, found true"),
        ({**GOOD, "counts": [0.5, 1, 1]}, "count 0 must be an integer of 0 or more, found 0.5"),
    ],
)
def test_damaged_json_is_described(data, message):
    with pytest.raises(ModelFileError, match=message):
        Vocabulary.from_json(data if isinstance(data, str) else json.dumps(data))
