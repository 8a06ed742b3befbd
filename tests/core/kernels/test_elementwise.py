"""The small loops between the products: the right numbers in the rows asked for, and nothing elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from textgen.core.kernels.elementwise import (
    add_memory_products,
    add_row_sums,
    tanh_rows,
    through_tanh_rows,
)

T, B, N = 3, 5, 37


@pytest.fixture
def arrays() -> np.ndarray:
    """Two random (T, B, N)."""
    return np.random.default_rng(1).normal(size=(2, T, B, N))


def test_rows(arrays):
    x, y = arrays[0], arrays[1]
    squashed, slopes = y.copy(), x.copy()
    tanh_rows(squashed, 1, 4)
    through_tanh_rows(y, slopes, 1, 4)
    expected = (np.tanh(y), x * (1 - y * y))
    for found, right, before in zip((squashed, slopes), expected, (y, x), strict=True):
        np.testing.assert_allclose(found[:, 1:4], right[:, 1:4], rtol=1e-13, atol=1e-15)
        np.testing.assert_array_equal(found[:, [0, 4]], before[:, [0, 4]])


def test_row_sums(arrays):
    total = arrays[1, 0, 0].copy()
    add_row_sums(arrays[0], total, 4, 30)
    expected = arrays[1, 0, 0] + arrays[0].sum(axis=(0, 1))
    np.testing.assert_allclose(total[4:30], expected[4:30], rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(np.delete(total, np.s_[4:30]), np.delete(arrays[1, 0, 0], np.s_[4:30]))


def test_memory_products():
    # Three gates, of which two have peepholes; a start forgets the memory before it.
    rng, H = np.random.default_rng(2), 11
    dgates, memory = rng.normal(size=(T, B, 3 * H)), rng.normal(size=(T + 1, B, H))
    starts, dpeephole = rng.random((T, B)) < 0.4, rng.normal(size=(2, H))
    assert starts.any()
    assert not starts.all()
    expected, before = dpeephole.copy(), dpeephole.copy()
    for t, b, i, j in np.ndindex(T, B, 2, H):
        if not starts[t, b]:
            expected[i, j] += dgates[t, b, i * H + j] * memory[t, b, j]
    add_memory_products(dgates, memory, starts, dpeephole, 2, 9)
    np.testing.assert_allclose(dpeephole[:, 2:9], expected[:, 2:9], rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(dpeephole[:, [0, 1, 9, 10]], before[:, [0, 1, 9, 10]])
