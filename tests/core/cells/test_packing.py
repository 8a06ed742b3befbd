"""Sequences packed into the rows of a batch against the same sequences one by one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.cases import (
    TextWindow,
    assert_same_bytes,
    largest_difference,
    one_thread,
    random_network,
    random_states,
    train,
)
from textgen.core.cells import CELLS

V, T = 13, 12
ROWS = ((5, 7), (12,), (1, 1, 4, 6), (3, 8, 1))  # the lengths of the sequences in each row of T tokens


def sequence_windows() -> list[list[TextWindow]]:
    """For each row, its sequences alone, each as a window of one row; the first input is the zero vector."""
    rng, rows = np.random.default_rng(5), []
    for lengths in ROWS:
        row = []
        for length in lengths:
            targets = rng.integers(0, V, (length, 1)).astype(np.int32)
            inputs = np.vstack([np.full((1, 1), -1, np.int32), targets[:-1]])
            starts = np.zeros((length, 1), bool)
            starts[0] = True
            row.append(TextWindow(inputs, starts, targets))
        rows.append(row)
    return rows


def packed(rows: list[list[TextWindow]]) -> TextWindow:
    """All rows' sequences end to end, side by side: (T, B)."""
    names = ("inputs", "starts", "targets")
    return TextWindow(*(np.hstack([np.concatenate([getattr(w, name) for w in row]) for row in rows]) for name in names))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-6)])
@pytest.mark.parametrize("cell", CELLS)
def test_packed_is_one_by_one(cell, dtype, tolerance):
    network = random_network(V, dtype, cell=cell, hidden=21, embedding=6, layers=2)
    rows = sequence_windows()
    # Whatever state the batch is left with by the text before, it must not be seen.
    leftover = random_states(network, len(rows), seed=1)
    batch = train(one_thread(network), packed(rows), leftover, scale=1.0)
    gradient = np.zeros_like(batch.gradient)
    for b, row in enumerate(rows):
        losses = []
        for window in row:
            alone = train(one_thread(network), window, random_states(network, 1, seed=2), scale=1.0)
            losses.append(alone.losses[:, 0])
            gradient += alone.gradient
        assert_same_bytes([np.ascontiguousarray(batch.losses[:, b])], [np.concatenate(losses)])
    assert largest_difference(batch.gradient, gradient) < tolerance
    assert not any(dstate.any() for dstate in batch.dstates)  # all rows start anew: nothing goes further back


@pytest.mark.parametrize("cell", CELLS)
def test_the_mean_is_over_the_tokens_that_count(cell):
    network = random_network(V, cell=cell, hidden=5)
    window = packed(sequence_windows())
    window.targets[3:6, 1] = -1
    states = random_states(network, len(ROWS), seed=1)
    mean = train(one_thread(network), window, states)
    total = train(one_thread(network), window, states, scale=1.0)
    count = len(ROWS) * T - 3
    assert mean.losses[3:6, 1].tolist() == [0, 0, 0]
    assert np.count_nonzero(mean.losses) == count
    assert largest_difference(mean.gradient * count, total.gradient) < 1e-13
