from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.tokens.test_packed import pack, sequences_of_ids, unpack
from textgen.text.tokens.vocabulary import EOS_ID
from textgen.text.tokens.windows import (
    NO_INPUT,
    Window,
    count_read,
    evaluation_windows,
    fit_batch,
    shuffled,
    stream_windows,
)

ANY_CONTEXT = [None, 0, 1, 3, 100]


def histories(windows: list[Window]) -> list[tuple[int, int, tuple[int, ...], int]]:
    """(step, row, all inputs since the state was last zero, target): what a recurrent network would know."""
    found = []
    known: dict[int, tuple[int, ...]] = {}
    step = 0
    for window in windows:
        for t in range(len(window.targets)):
            for b in range(window.targets.shape[1]):
                before = () if window.starts[t, b] else known.get(b, ())
                heard = window.inputs[t, b]
                known[b] = before if heard == NO_INPUT else (*before, int(heard))
                found.append((step, b, known[b], int(window.targets[t, b])))
            step += 1
    return found


def check_types(window: Window, T: int) -> None:
    assert window.inputs.dtype == window.targets.dtype == np.int32
    assert window.starts.dtype == np.bool_
    assert window.inputs.shape == window.starts.shape == window.targets.shape
    assert all(array.flags.c_contiguous for array in (window.inputs, window.starts, window.targets))
    assert 1 <= len(window.inputs) <= T


def test_a_worked_stream():
    ids = np.array([5, 6, 1, 7, 1, 8, 9, 1, 4], np.uint8)
    first, second = stream_windows(ids, B=2, T=3, carry=False)
    assert first.targets.T.tolist() == [[5, 6, 1], [1, 8, 9]]
    assert first.inputs.T.tolist() == [[-1, 5, 6], [7, -1, 8]]
    assert first.starts.T.tolist() == [[True, False, False], [False, True, False]]
    assert second.targets.T.tolist() == [[7], [1]]
    assert second.inputs.T.tolist() == [[-1], [9]]
    assert second.starts.T.tolist() == [[True], [False]]


def test_a_worked_stream_with_carry():
    ids = np.array([5, 6, 1, 7, 1, 8], np.uint16)
    (window,) = stream_windows(ids, B=2, T=9, carry=True)
    assert window.targets.T.tolist() == [[5, 6, 1], [7, 1, 8]]
    assert window.inputs.T.tolist() == [[-1, 5, 6], [1, 7, 1]]
    assert not window.starts.any()


@pytest.mark.parametrize("carry", [False, True])
@given(sequences=sequences_of_ids, B=st.integers(1, 4), T=st.integers(1, 7))
def test_stream_windows_against_a_naive_twin(carry, sequences, B, T):
    ids = pack(sequences).ids
    windows = list(stream_windows(ids, B, T, carry))
    columns = len(ids) // B
    assert [len(window.inputs) for window in windows] == [min(T, columns - t) for t in range(0, columns, T)]
    for window in windows:
        check_types(window, T)
    stream = ids.tolist()
    expected = []
    for step in range(columns):
        for b in range(B):
            place = b * columns + step
            begin = max(b * columns - 1, 0)  # a row is told the token before its part
            known = tuple(stream[begin:place])
            if not carry:
                known = known[len(known) - known[::-1].index(EOS_ID) :] if EOS_ID in known else known
            expected.append((step, b, known, stream[place]))
    assert histories(windows) == expected


@pytest.mark.parametrize("carry", [False, True])
@given(sequences=sequences_of_ids, B=st.integers(1, 4), T=st.integers(1, 7), begin=st.integers(0, 9))
def test_a_stream_may_begin_at_any_window(carry, sequences, B, T, begin):
    ids = pack(sequences).ids
    expected = list(stream_windows(ids, B, T, carry))[begin:]
    found = list(stream_windows(ids, B, T, carry, begin))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for name in ("inputs", "starts", "targets"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
def test_unsigned_ids_make_signed_windows(dtype):
    (window,) = stream_windows(np.array([2, 1], dtype), 1, 2, carry=False)
    assert window.inputs.tolist() == [[-1], [2]]


@pytest.mark.parametrize(
    ("tokens", "asked", "given_"),
    [
        (2048, (32, 64), (32, 64)),
        (2047, (32, 64), (16, 64)),
        (1000, (32, 64), (8, 64)),
        (100, (32, 64), (1, 64)),
        (63, (32, 64), (1, 63)),
        (1, (32, 64), (1, 1)),
        (0, (32, 64), (1, 1)),
        (10, (3, 4), (1, 4)),
        (10, (1, 64), (1, 10)),
    ],
)
def test_fit_batch(tokens, asked, given_):
    assert fit_batch(tokens, *asked) == given_


def test_shuffled_keeps_the_sequences_and_changes_their_order():
    sequences = [[i % 250 + 2] * (i % 5) for i in range(300)]
    text = pack(sequences)
    ids = shuffled(text, np.random.default_rng(3))
    again = unpack(type(text)(ids, text.characters))
    assert again != sequences
    assert sorted(again) == sorted(sequences)
    assert ids.tobytes() == shuffled(text, np.random.default_rng(3)).tobytes()
    assert ids.tobytes() != shuffled(text, np.random.default_rng(4)).tobytes()


@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("context", ANY_CONTEXT)
@given(sequences=sequences_of_ids, B=st.integers(1, 5), T=st.integers(1, 7))
def test_evaluation_windows_against_a_naive_twin(carry, context, sequences, B, T):
    text = pack(sequences)
    stream = text.ids.tolist()
    pairs = list(evaluation_windows(text, B, T, context, carry))
    counted = np.concatenate([positions.ravel() for _, positions in pairs])
    assert sorted(counted[counted >= 0].tolist()) == list(range(len(stream)))
    for window, positions in pairs:
        check_types(window, T)
        assert positions.dtype == np.int64
        assert window.targets.tolist() == [[stream[p] if p >= 0 else -1 for p in row] for row in positions.tolist()]
        assert window.targets.shape[1] <= B
    starts = text.starts.tolist()
    for (_, _, known, target), place in zip(histories([w for w, _ in pairs]), counted.tolist(), strict=True):
        if place < 0:
            assert target == -1
            continue
        start = 0 if carry else max(begin for begin in starts if begin <= place)
        alone = tuple(stream[start:place])  # what the sequence alone would know
        if context is None:
            assert known == alone
        else:
            assert known == alone[len(alone) - len(known) :]
            assert len(known) >= min(context, len(alone))


@pytest.mark.parametrize(
    ("lengths", "context", "carry", "rows"),
    [
        ([10, 10, 10, 10], None, False, 4),
        ([20, 10, 10], None, False, 2),
        ([40], None, False, 1),
        ([40], 5, False, 8),
        ([10, 10, 10, 10], None, True, 1),
        ([10, 10, 10, 10], 5, True, 8),
        ([2], 5, False, 2),
    ],
)
def test_number_of_rows(lengths, context, carry, rows):
    text = pack([[2] * (length - 1) for length in lengths])
    ((window, positions),) = evaluation_windows(text, 8, 64, context, carry)
    assert window.targets.shape[1] == rows
    is_past = window.starts[1:] & (positions[1:] < 0)  # a row's end
    assert count_read(text, 8, context, carry) == window.targets.size - np.count_nonzero(is_past)


def test_lead_in_and_row_ends_of_a_worked_example():
    text = pack([[2, 3, 4, 5, 6, 7, 8]])
    ((window, positions),) = evaluation_windows(text, B=2, T=9, context=2, carry=False)
    assert count_read(text, B=2, context=2, carry=False) == 4 + 6
    assert positions.T.tolist() == [[0, 1, 2, 3, -1, -1], [-1, -1, 4, 5, 6, 7]]
    assert window.targets.T.tolist() == [[2, 3, 4, 5, -1, -1], [-1, -1, 6, 7, 8, 1]]
    assert window.inputs.T.tolist() == [[-1, 2, 3, 4, -1, -1], [3, 4, 5, 6, 7, 8]]
    assert window.starts.T.tolist() == [
        [True, False, False, False, True, True],
        [True, False, False, False, False, False],
    ]


@pytest.mark.parametrize("context", ANY_CONTEXT)
@pytest.mark.parametrize("carry", [False, True])
def test_no_text_has_no_windows(context, carry):
    assert list(evaluation_windows(pack([]), 4, 4, context, carry)) == []
    assert count_read(pack([]), 4, context, carry) == 0
    assert list(stream_windows(np.zeros(0, np.uint8), 4, 4, carry)) == []
