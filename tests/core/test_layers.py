"""Dropout: its statistics, and what its masks depend on."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.cases import assert_same_bytes
from textgen.core.layers import Dropout, Layer


def mask_of(
    step: int = 1, seed: int = 2, layer: int = 3, rate: float = 0.3, B: int = 500, dtype: type[np.floating] = np.float32
) -> np.ndarray:
    """The mask (B, 40) of one dropout layer."""
    dropout = Dropout(Layer(40, np.dtype(dtype)), rate, seed, layer)
    dropout.draw(step, B)
    mask: np.ndarray = dropout.mask
    return mask


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.75])
def test_mask_statistics(rate):
    mask = mask_of(rate=rate)
    kept = mask != 0
    np.testing.assert_allclose(mask[kept], 1 / (1 - rate), rtol=1e-6)  # so that the mean stays what it is
    deviation = np.sqrt(rate * (1 - rate) / mask.size)
    assert abs(kept.mean() - (1 - rate)) < 4 * deviation
    for axis in (0, 1):  # rows and columns differ only as chance has it
        expected = np.sqrt(rate * (1 - rate) / mask.shape[axis])
        assert 0.7 < kept.mean(axis=axis).std() / expected < 1.4
    neighbours = np.corrcoef(kept[:, :-1].ravel(), kept[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(mask.size)


def test_mask_is_a_function_of_seed_layer_and_step():
    assert_same_bytes([mask_of()], [mask_of()])
    first = mask_of()
    for other in (mask_of(step=2), mask_of(seed=3), mask_of(layer=4), mask_of(step=3, layer=1)):
        agreeing = ((other != 0) == (first != 0)).mean()
        assert agreeing == pytest.approx(0.7**2 + 0.3**2, abs=0.02)  # independent draws


def test_mask_is_drawn_alike_in_both_precisions():
    np.testing.assert_array_equal(mask_of() != 0, mask_of(dtype=np.float64) != 0)


def test_rows_of_a_smaller_batch_come_first():
    assert_same_bytes([mask_of(B=7)], [mask_of(B=500)[:7]])


def test_one_mask_for_all_steps_of_a_row_both_ways():
    below = Layer(40, np.dtype(np.float32))
    below.allocate(6, 5, training=True)
    dropout = Dropout(below, 0.5, seed=1, layer=0)
    dropout.allocate(6, 5, training=True)
    dropout.draw(0, 5)
    below.output[:], dropout.doutput[:] = 3, 7
    dropout.forward(None, 0, 5)  # type: ignore[arg-type]
    dropout.backward(None, 0, 5)  # type: ignore[arg-type]
    assert set(np.unique(dropout.mask)) == {0, 2}
    np.testing.assert_array_equal(dropout.output, np.broadcast_to(3 * dropout.mask, (6, 5, 40)))
    np.testing.assert_array_equal(below.doutput, np.broadcast_to(7 * dropout.mask, (6, 5, 40)))
