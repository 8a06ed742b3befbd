"""Products of more than the 512 entries of the inner dimension that are taken at a time, in all ways they are called.

Most are of small whole numbers, whose sums are exact in any order: what is expected is the very same array.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.cases import assert_same_bytes
from textgen.core.products.product import add_product_together, multiply_together, product_rows, repeated
from textgen.core.products.weight import Weight
from textgen.core.runtime.crew import crews, share_of
from textgen.core.runtime.jit import kernel
from textgen.core.runtime.threads import Team

DTYPES = (np.float32, np.float64)
DEPTHS = (511, 512, 513, 600, 1024, 1100)  # around one cut and two
N = 70  # no multiple of any panel's width
PAGE = 4096


def whole_numbers(rng, shape, dtype):
    return rng.integers(-3, 4, shape).astype(dtype)


def operands(B, K, dtype, T=2):
    """x (T, B, K), w (K, N) packed, base (T, B, N) and base + x @ w."""
    rng = np.random.default_rng(B + K)
    x, w, base = (whole_numbers(rng, shape, dtype) for shape in ((T, B, K), (K, N), (T, B, N)))
    weight = Weight(w, None, keep_packed=True)
    weight.pack()
    return x, weight.packed(), base, (base + x.astype(np.float64) @ w).astype(dtype)


def rows_pages_apart(x):
    """The same numbers, each row at a multiple of 4096 bytes from the others; between them NaN."""
    T, B, K = x.shape
    columns = -(-K * x.itemsize // PAGE) * PAGE // x.itemsize
    spread = np.full((T, B, columns), np.nan, x.dtype)
    spread[..., :K] = x
    assert spread.strides[1] % PAGE == 0
    return spread[..., :K]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("K", DEPTHS)
def test_the_base_is_added_once(K, dtype):
    x, weight, base, expected = operands(7, K, dtype)
    before, y = base.copy(), np.full_like(base, np.nan)
    product_rows(x, weight, base, y, 0, 7)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(base, before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("K", DEPTHS)
def test_one_vector_as_the_base_of_all_rows(K, dtype):
    x, weight, base, expected = operands(7, K, dtype)
    bias = base[0, 0].copy()
    y = np.full_like(base, np.nan)
    product_rows(x, weight, repeated(bias, *x.shape[:2]), y, 0, 7)
    np.testing.assert_array_equal(y, expected - base + bias)
    np.testing.assert_array_equal(bias, base[0, 0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("B", [1, 2, 5, 6, 7, 8, 9, 12, 13, 16, 17, 24, 25])
@pytest.mark.parametrize("place", [np.copy, rows_pages_apart])
def test_any_number_of_rows(place, B, dtype):
    x, weight, base, expected = operands(B, 600, dtype)
    y = place(np.full_like(base, np.nan))
    product_rows(place(x), weight, place(base), y, 0, B)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("K", [600, 1100])
def test_the_bytes_depend_on_nothing_but_the_row(K, dtype):
    """Neither on how far apart rows lie, nor on which are computed, nor on where the base is."""
    rng = np.random.default_rng(K)
    _, weight, _, _ = operands(1, K, dtype)
    x, base = rng.normal(size=(2, 25, K)).astype(dtype), rng.normal(size=(2, 25, N)).astype(dtype)
    expected = np.empty_like(base)
    product_rows(x, weight, base, expected, 0, 25)
    for x_placed in (x, rows_pages_apart(x), np.asfortranarray(x)):
        for b0, b1 in ((0, 25), (3, 4), (11, 24)):
            y, in_place = np.zeros_like(base), rows_pages_apart(base)
            product_rows(x_placed, weight, base, y, b0, b1)
            product_rows(x_placed, weight, in_place, in_place, b0, b1)
            assert_same_bytes([y[:, b0:b1], in_place[:, b0:b1].copy()], [expected[:, b0:b1]] * 2)
            in_place[:, b0:b1] = base[:, b0:b1]
            assert_same_bytes([in_place.copy()], [base])
            y[:, b0:b1] = 0
            assert not y.any()


@kernel
def multiply_again_and_again(x, weight, base, y, rounds, crew):
    """Each round x becomes base + x @ W by way of y. Products are shared out by columns, the way back by rows."""
    first, last = share_of(0, x.shape[1], crew)
    for _ in range(rounds):
        multiply_together(x, weight, base, y, crew)
        for b in range(first, last):
            for j in range(x.shape[2]):
                x[0, b, j] = y[0, b, j]


@kernel
def multiply_and_add(x, weight, base, y, crew):
    """y = base + 2 x @ W."""
    multiply_together(x, weight, base, y, crew)
    add_product_together(x, weight, y, crew)


def run_together(parts, compiled, *arguments):
    """Call `compiled` in each of `parts` threads, as one of a crew."""
    places = crews(parts)
    with Team(parts) as team:
        team.run(lambda part: compiled(*arguments, places[part]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("parts", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("K", [20, 600, 1100])
def test_columns_shared_out_among_threads(K, parts, dtype):
    for B in (1, 13):
        x, weight, base, expected = operands(B, K, dtype, T=1)
        y = rows_pages_apart(np.full_like(base, np.nan))
        run_together(parts, multiply_and_add, x, weight, base, y)
        np.testing.assert_array_equal(y, 2 * expected - base)


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_number_of_threads_gives_the_same_bytes(dtype):
    """Each part reads what all have written just before, and overwrites what all have read."""
    rng, size = np.random.default_rng(4), 130
    weight = Weight((rng.normal(size=(size, size)) / np.sqrt(size)).astype(dtype), None, keep_packed=True)
    weight.pack()
    start, base = rng.normal(size=(2, 1, 6, size)).astype(dtype)
    results = []
    for parts in (1, 2, 3, 4, 5):
        x, y = start.copy(), np.empty_like(start)
        run_together(parts, multiply_again_and_again, x, weight.packed(), base, y, 300)
        results.append(x)
    assert np.isfinite(results[0]).all()
    assert_same_bytes(results[1:], results[:1] * 4)


def test_a_vector_is_repeated_without_a_copy():
    vector = np.arange(4.0)
    seen = repeated(vector, 3, 2)
    assert seen.shape == (3, 2, 4)
    assert np.shares_memory(seen, vector)
    np.testing.assert_array_equal(seen, np.tile(vector, (3, 2, 1)))
