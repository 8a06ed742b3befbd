"""The index of runs against brute force: every n-gram of a text in a set."""

import random
from collections import Counter

import numpy as np
import pytest

from tests.text.nasty import NASTY
from textgen.text.tokens.run_index import RunIndex, memory_to_build
from textgen.text.tokens.vocabulary import EOS_ID

MOST = 10  # tokens of a context, in the tests of what follows it


def packed(sequences, dtype=np.uint8):
    return np.array([idx for one in sequences for idx in (*one, EOS_ID)], dtype)


def numbered(texts):
    """Sequences of ids, a character each, the same for the same character."""
    ids = {letter: number + 2 for number, letter in enumerate(sorted({letter for text in texts for letter in text}))}
    return [[ids[letter] for letter in text] for text in texts]


def drawn(number, length, highest, seed):
    rng = random.Random(seed)
    return [[rng.choice((0, *range(2, highest))) for _ in range(rng.randrange(length))] for _ in range(number)]


TEXTS = {
    "nothing": [[]],
    "one token": [[2]],
    "one token, often": [[2]] * 5,
    "one token, in a row": [[2] * 40],
    "one sequence, often": [[2, 3, 4, 3, 2]] * 6,
    "empty sequences": [[], [2, 3], [], [], [3, 2, 3], []],
    "two tokens": drawn(30, 20, 4, 1),
    "five tokens": drawn(40, 30, 7, 2),
    "ids of two bytes": [[idx * 90 for idx in one] for one in drawn(40, 30, 12, 3)],
    "ids of four bytes": [[idx * 7000 for idx in one] for one in drawn(40, 30, 12, 4)],
    "Unicode": numbered(NASTY),
}
DTYPES = {"ids of two bytes": np.uint16, "Unicode": np.uint16, "ids of four bytes": np.uint32}


@pytest.fixture(params=TEXTS)
def text(request):
    """Its sequences and its index."""
    sequences = TEXTS[request.param]
    return sequences, RunIndex.of(packed(sequences, DTYPES.get(request.param, np.uint8)))


def runs_of(sequences):
    """Every run that stands in a sequence, the empty one included."""
    return {tuple(one[i:j]) for one in sequences for i in range(len(one) + 1) for j in range(i, len(one) + 1)}


def writings(sequences, count):
    """Sequences of all kinds: taken from the text, with an error here and there, put together, or of any tokens."""
    rng = random.Random(count)
    known = sorted({idx for one in sequences for idx in one} | {0, 9})
    for _ in range(count):
        written = []
        for _ in range(rng.randrange(4)):
            source = rng.choice(sequences)
            begin = rng.randrange(len(source) + 1)
            written += source[begin : begin + rng.randrange(25)]
            if rng.random() < 0.5:
                written.append(rng.choice(known))
            if rng.random() < 0.1:
                written.append(EOS_ID)
        yield [rng.choice(known) if rng.random() < 0.05 else idx for idx in written]


def shared_by_brute_force(runs, ids):
    return [max(n for n in range(end + 1) if tuple(ids[end - n : end]) in runs) for end in range(1, len(ids) + 1)]


def test_the_longest_shared_runs_are_those_of_brute_force(text):
    sequences, index = text
    runs = runs_of(sequences)
    for ids in writings(sequences, 1000):
        assert index.shared_lengths(ids).tolist() == shared_by_brute_force(runs, ids)


def test_what_completes_a_run_is_that_of_brute_force(text):
    sequences, index = text
    runs = runs_of(sequences)
    followers: dict[tuple[int, ...], set[int]] = {}
    for run in runs:
        if run:
            followers.setdefault(run[:-1], set()).add(run[-1])
    for ids in writings(sequences, 200):
        tail = index.nothing
        for idx in ids:
            tail = tail.followed_by(idx)
        for n in range(min(MOST, len(ids)) + 1):
            found = tail.completing(n).tolist()
            assert found == sorted(followers.get(tuple(ids[len(ids) - n :]), ()))


def test_more_tokens_than_were_written_complete_nothing(text):
    _, index = text
    assert index.nothing.completing(1).tolist() == []
    assert index.nothing.followed_by(2).completing(2).tolist() == []


def test_a_tail_may_be_followed_in_several_ways():
    """As a beam search does: what follows one way leaves the others as they are."""
    index = RunIndex.of(packed([[2, 3, 4], [2, 3, 5, 6]]))
    tail = index.nothing.followed_by(2).followed_by(3)
    longer = [tail.followed_by(idx).followed_by(6).shared for idx in (4, 5, 7)]
    assert (longer, tail.shared, tail.completing(2).tolist()) == ([1, 4, 1], 2, [4, 5])


def test_the_whole_text_is_in_the_transform(text):
    """From each `<eos>` on, backward search leads through one sequence, token by token, to the `<eos>` behind it."""
    sequences, index = text
    transform = index.transform.tolist()
    assert len(index) == len(transform) == sum(len(one) + 1 for one in sequences)
    firsts = {idx: sum(other < idx for other in transform) for idx in set(transform)}
    read = []
    for row in range(firsts[EOS_ID], firsts[EOS_ID] + len(sequences)):
        one = []
        while (idx := transform[row]) != EOS_ID:
            one.append(idx)
            row = firsts[idx] + transform[:row].count(idx)
        read.append(tuple(one))
    assert Counter(read) == Counter(map(tuple, sequences))


def test_the_transform_is_that_of_the_sorted_suffixes(text):
    sequences, index = text
    ids = packed(sequences, np.int64).tolist()
    backwards = [*ids[-2::-1], EOS_ID]
    suffixes = sorted(range(len(ids)), key=lambda begin: backwards[begin:])
    assert index.transform.tolist() == [backwards[begin - 1] for begin in suffixes]


def test_the_transform_has_the_type_of_the_ids(text):
    sequences, index = text
    assert index.transform.nbytes == len(index) * index.transform.itemsize
    again = RunIndex(index.transform)
    for ids in writings(sequences, 20):
        assert again.shared_lengths(ids).tolist() == index.shared_lengths(ids).tolist()


def test_rows_are_sorted_in_stretches_as_at_once(monkeypatch):
    sequences = TEXTS["five tokens"]
    whole = RunIndex.of(packed(sequences))
    monkeypatch.setattr("textgen.text.tokens.packed.STRETCH", 7)
    parted = RunIndex.of(packed(sequences))
    for ids in writings(sequences, 50):
        assert parted.shared_lengths(ids).tolist() == whole.shared_lengths(ids).tolist()


@pytest.mark.parametrize("idx", [-1, EOS_ID, 7, 10**9])
def test_a_token_that_the_text_lacks_shares_nothing(idx):
    index = RunIndex.of(packed([[2, 3], [6, 2]]))
    assert index.shared_lengths([2, 3, idx, 6, 2]).tolist() == [1, 2, 0, 1, 2]


def test_a_million_times_the_same_token_takes_no_quadratic_time():
    """With a quadratic sort this would take hours."""
    ids = np.full(1_000_001, 2, np.uint8)
    ids[-1] = EOS_ID
    index = RunIndex.of(ids)
    assert index.shared_lengths([2] * 50 + [3, 2]).tolist() == [*range(1, 51), 0, 1]


def test_the_memory_that_it_takes_grows_with_the_text_and_the_size_of_an_id():
    needed = [memory_to_build(np.zeros(size, dtype)) for size, dtype in [(0, "u1"), (9, "u1"), (9, "u2")]]
    assert needed == sorted(set(needed))
