"""Softmax and cross-entropy against a longhand version."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.core.twins import cross_entropy as longhand
from textgen.core.kernels.softmax import cross_entropy, softmax_loss

DTYPES = [(np.float32, 2e-6), (np.float64, 1e-14)]


def random_logits(V: int, dtype: type[np.floating]) -> tuple[np.ndarray, np.ndarray]:
    """Logits (3, 4, V), some of them far apart, and targets."""
    rng = np.random.default_rng(V)
    logits = rng.normal(size=(3, 4, V)) * rng.choice([0.1, 1, 10], (3, 4, 1)) + rng.choice([0, 500, -500], (3, 4, 1))
    targets = rng.integers(0, V, (3, 4)).astype(np.int32)
    targets[1, 2] = -1
    return logits.astype(dtype), targets


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("V", [1, 2, 7, 33, 1000])
def test_losses_and_gradient(V, dtype, tolerance):
    logits, targets = random_logits(V, dtype)
    gradient, losses, only_losses = logits.copy(), np.full((3, 4), 9.0), np.full((3, 4), 9.0)
    softmax_loss(gradient, targets, dtype(0.25), losses, 0, 4)
    before = logits.copy()
    cross_entropy(logits, targets, only_losses, 0, 4)
    np.testing.assert_array_equal(logits, before)
    for t, b in np.ndindex(3, 4):
        row, target = logits[t, b].astype(np.float64).tolist(), int(targets[t, b])
        if target < 0:
            assert losses[t, b] == only_losses[t, b] == 0
            assert not gradient[t, b].any()
            continue
        expected = longhand(row, target)
        assert losses[t, b] == pytest.approx(expected, rel=tolerance, abs=tolerance)
        assert only_losses[t, b] == pytest.approx(expected, rel=tolerance, abs=tolerance)
        total = math.fsum(math.exp(v - max(row)) for v in row)
        slopes = [0.25 * (math.exp(v - max(row)) / total - (j == target)) for j, v in enumerate(row)]
        np.testing.assert_allclose(gradient[t, b], slopes, rtol=0, atol=tolerance)


def test_only_the_rows_asked_for():
    logits, targets = random_logits(9, np.float32)
    part, losses = logits.copy(), np.full((3, 4), 9.0)
    softmax_loss(part, targets, np.float32(1), losses, 1, 3)
    assert (losses[:, [0, 3]] == 9).all()
    assert (losses[:, 1:3] != 9).all()
    np.testing.assert_array_equal(part[:, [0, 3]], logits[:, [0, 3]])


def losses_of(row: list[float], target: int) -> list[float]:
    """What both kernels make of one row of logits."""
    found = np.zeros((2, 1, 1))
    logits, targets = np.array([[row]], np.float32), np.array([[target]], np.int32)
    cross_entropy(logits, targets, found[0], 0, 1)
    softmax_loss(logits, targets, np.float32(1), found[1], 0, 1)
    return [float(loss) for loss in found.ravel()]


def test_very_large_logits_do_not_overflow():
    assert losses_of([3e38, 0, -3e38], 0) == [0, 0]
    assert losses_of([1e30] * 4, 2) == pytest.approx([math.log(4)] * 2)
    assert losses_of([0, -1e4], 1) == pytest.approx([1e4] * 2)


@pytest.mark.parametrize("row", [[np.nan, 0, 1], [0, np.nan, 1], [0, 1, np.nan], [np.inf, 0, 1], [-np.inf] * 3])
def test_a_loss_that_is_not_a_number_shows(row):
    for target in range(3):
        assert not np.isfinite(losses_of(row, target)).any()


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf])  # the result of inf - inf is a NaN with its sign bit set
@pytest.mark.parametrize("place", [0, 1, 63, 64, 130, 136])
def test_it_shows_wherever_it_stands_in_a_long_row(place, bad):
    row = np.random.default_rng(place).normal(size=137).tolist()
    row[place] = bad
    for target in (0, place, 100, 136):
        assert not np.isfinite(losses_of(row, target)).any()


def test_a_token_ruled_out_has_no_part():
    assert losses_of([0, -np.inf, 0], 0) == pytest.approx([math.log(2)] * 2)
    assert losses_of([0, -np.inf, 0], 1) == [np.inf] * 2
