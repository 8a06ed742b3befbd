"""The largest entry against NumPy's, with infinities and NaN."""

from __future__ import annotations

import numpy as np
import pytest

from textgen.core.kernels.largest import largest
from textgen.core.runtime.jit import kernel

DTYPES = [np.float32, np.float64]


@kernel
def largest_of(x):
    """The largest entry of the vector x, compiled as the softmax is."""
    return largest(x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_at_any_place_in_vectors_of_any_size(dtype, sign):
    rng = np.random.default_rng(1)
    for size in (1, 2, 3, 15, 16, 17, 63, 64, 65, 79, 200):
        x = (sign * (1 + rng.random(size)) * 10.0 ** rng.integers(-30, 30, size)).astype(dtype)
        for place in range(size):
            x = np.roll(x, 1)
            assert largest_of(x) == np.max(x), (size, place)


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_that_order_in_a_special_way(dtype):
    least = np.finfo(dtype).smallest_subnormal
    cases = [([-np.inf] * 3, -np.inf), ([-np.inf, np.finfo(dtype).min, -np.inf], np.finfo(dtype).min)]
    cases += [([0, -1, least, -least], least), ([-1, -least, -2], -least), ([1, np.inf, 2], np.inf), ([], -np.inf)]
    for x, expected in cases:
        assert largest_of(np.array(x, dtype)) == expected, x
    zeros = largest_of(np.array([-0.0, 0.0, -0.0], dtype))
    assert zeros == 0
    assert not np.signbit(zeros)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan(dtype):
    for place in (0, 40, 99):
        x = np.linspace(-1, 1, 100, dtype=dtype)
        x[place] = np.nan
        assert np.isnan(largest_of(x))
        x[place] = np.copysign(dtype(np.nan), dtype(-1))
        assert largest_of(x) == np.nanmax(x)
    assert largest_of(np.full(5, -np.nan, dtype)) == -np.inf
