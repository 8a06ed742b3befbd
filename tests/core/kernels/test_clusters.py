"""Columns in clusters, rows gathered and given back, and the joint distribution."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.cases import entry
from tests.core.clustered import log_probabilities
from textgen.core.kernels.clusters import add_gathered_rows, column_ranges, gather_rows, join_clusters

_join = entry(join_clusters)


def joint(logits: list[float], cutoffs: list[int], dtype: type[np.floating] = np.float64) -> np.ndarray:
    """What `join_clusters` makes of one row."""
    found = np.full(len(logits) - len(cutoffs), 9, dtype)
    _join(np.array(logits, dtype), np.array(cutoffs, np.int64), found)
    return found


def test_columns():
    assert column_ranges((4,), 11) == [(0, 5), (5, 11)]
    assert column_ranges((2, 5, 9), 13) == [(0, 5), (5, 8), (8, 12), (12, 13)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_gathered_and_given_back(dtype):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 3, 5)).astype(dtype)
    places = np.array([0, 3, 4, 11, 7], np.int64)  # t * 3 + b
    gathered = np.full((1, 5, 5), 9, dtype)
    gather_rows(x, places, gathered, 1, 4)
    np.testing.assert_array_equal(gathered[0, 1:4], [x[1, 0], x[1, 1], x[3, 2]])
    assert (gathered[0, [0, 4]] == 9).all()
    before, gathered = x.copy(), rng.normal(size=(1, 5, 5)).astype(dtype)
    add_gathered_rows(gathered, places, x, 1, 4)
    for i, (t, b) in {1: (1, 0), 2: (1, 1), 3: (3, 2)}.items():
        np.testing.assert_array_equal(x[t, b], before[t, b] + gathered[0, i])
        before[t, b] = x[t, b]
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
@pytest.mark.parametrize("cutoffs", [[2], [7, 8], [3, 20, 99]])
def test_the_joint_distribution(cutoffs, dtype, tolerance):
    rng = np.random.default_rng(len(cutoffs))
    for spread in (0.1, 1, 10):
        logits = (rng.normal(size=100 + len(cutoffs)) * spread).astype(dtype).tolist()
        found = joint(logits, cutoffs, dtype)
        np.testing.assert_allclose(found, log_probabilities(logits, cutoffs), rtol=tolerance, atol=tolerance)
        assert np.exp(found.astype(np.float64)).sum() == pytest.approx(1, rel=tolerance)


def test_very_large_logits_do_not_overflow():
    found = joint([1e38, 0, -1e38, -3e38, 3e38], [2], np.float32).tolist()
    assert found == pytest.approx([-1e38, -2e38, -np.inf, 0])


def test_a_logit_that_is_not_a_number_shows():
    for place in range(5):
        logits = [0.0] * 5
        logits[place] = np.nan
        assert np.isnan(joint(logits, [2])).any()
