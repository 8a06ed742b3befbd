"""Matrix products against NumPy, over random shapes and strides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.cases import assert_same_bytes, entry
from textgen.core.products.product import (
    Packed,
    add_product,
    add_weight_gradient,
    compiled_product,
    empty_panels,
    pack,
    pack_and_multiply_rows,
    product_rows,
)
from textgen.core.products.weight import Weight

add = entry(add_product)
DTYPES = (np.float32, np.float64)
# Past the depth that is taken at a time (512) twice, past the widest panel (32 float32) and the tallest tile (12); and
# past the columns of a gradient that are packed together (8 panels).
inner, columns, rows, steps = st.integers(1, 1100), st.integers(1, 70), st.integers(0, 19), st.integers(1, 3)
many_columns = st.integers(1, 600)


def tolerance(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """What rounding can make of x @ w, element by element: K + 1 roundings of sums of absolute values."""
    eps = np.finfo(x.dtype).eps
    bound: np.ndarray = eps * (x.shape[-1] + 2) * (np.abs(x).astype(np.float64) @ np.abs(w).astype(np.float64) + 4)
    return bound


def packed(w: np.ndarray) -> Packed:
    """W in panels that held something else before."""
    panels = empty_panels(w.shape[0], w.shape[1], w.dtype)
    panels[:] = np.nan
    pack(w, panels)
    return Packed(panels, compiled_product(w.dtype))


@settings(max_examples=60)
@given(st.sampled_from(DTYPES), steps, rows, inner, columns, st.integers(0, 2**32 - 1), st.booleans())
def test_product_of_any_shape(dtype, T, B, K, N, seed, transposed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(T, B, K)).astype(dtype), rng.normal(size=(T, B, N)).astype(dtype)
    w = rng.normal(size=(N, K) if transposed else (K, N)).astype(dtype)
    w = w.T if transposed else w
    before = y.copy()
    add(x, packed(w), y)
    expected = before + x.astype(np.float64) @ w.astype(np.float64)
    assert np.all(np.abs(y - expected) <= tolerance(x, w))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_left_operand_of_any_strides(dtype, axes):
    rng = np.random.default_rng(1)
    whole = rng.normal(size=(12, 14, 10)).astype(dtype).transpose(axes)
    x = whole[1:-1:2, ::-1, 2:-2]
    w = rng.normal(size=(x.shape[2], 45)).astype(dtype)
    y = np.zeros((*x.shape[:2], 45), dtype)
    add(x, packed(w), y)
    assert np.all(np.abs(y - x.astype(np.float64) @ w.astype(np.float64)) <= tolerance(x, w))


@pytest.mark.parametrize("dtype", DTYPES)
def test_result_goes_into_a_part_and_touches_nothing_else(dtype):
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(3, 9, 20)).astype(dtype), rng.normal(size=(20, 37)).astype(dtype)
    whole = rng.normal(size=(3, 9, 50)).astype(dtype)
    before = whole.copy()
    add(x[:, 2:7], packed(w), whole[:, 2:7, 5:42])
    product = x[:, 2:7].astype(np.float64) @ w.astype(np.float64)
    assert np.all(np.abs(whole[:, 2:7, 5:42] - before[:, 2:7, 5:42] - product) <= tolerance(x, w)[:, 2:7])
    whole[:, 2:7, 5:42] = before[:, 2:7, 5:42]
    np.testing.assert_array_equal(whole, before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_has_the_same_bytes_in_any_company(dtype):
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(2, 15, 1100)).astype(dtype), rng.normal(size=(1100, 41)).astype(dtype)
    whole = np.zeros((2, 15, 41), dtype)
    add(x, packed(w), whole)
    for b0, b1 in ((0, 15), (0, 1), (3, 5), (2, 9), (14, 15), (6, 6)):
        part = np.zeros_like(whole)
        product_rows(x, packed(w), part, part, b0, b1)
        np.testing.assert_array_equal(part[:, b0:b1], whole[:, b0:b1])
        assert not part[:, :b0].any()
        assert not part[:, b1:].any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axes", [(0, 1), (1, 0)])
@pytest.mark.parametrize("step", [1, 2, -1])
def test_pack_of_any_strides(dtype, axes, step):
    for K, N in ((1, 1), (3, 65), (16, 32), (37, 96), (130, 40)):
        whole = np.random.default_rng(K).normal(size=(3 * K, 3 * N)).astype(dtype)
        if axes == (1, 0):
            whole = np.ascontiguousarray(whole.T).T
        w = whole[1:, 2:][::step, ::step][:K, :N]
        unpacked = packed(w).panels.transpose(1, 0, 2).reshape(K, -1)
        np.testing.assert_array_equal(unpacked[:, :N], w)
        assert not unpacked[:, N:].any()


# N past the panels that are packed at a time (256 float32 columns), K past the depth that is (512).
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("K", "N"), [(7, 5), (32, 64), (520, 3), (1030, 300), (90, 601)])
def test_packing_on_the_way_gives_the_same_bytes(dtype, K, N, transposed):
    rng = np.random.default_rng(K)
    x, base = rng.normal(size=(3, 15, K)).astype(dtype), rng.normal(size=(3, 15, N)).astype(dtype)
    matrix = rng.normal(size=(N, K) if transposed else (K, N)).astype(dtype)
    weight = packed(matrix.T if transposed else matrix)
    for b0, b1 in ((0, 15), (3, 5), (14, 15), (6, 6)):
        found, expected = np.full((2, *base.shape), np.nan, dtype)
        pack_and_multiply_rows(x, matrix, transposed, base, found, b0, b1)
        product_rows(x, weight, base, expected, b0, b1)
        assert b0 == b1 or not np.isnan(expected[:, b0:b1]).any()
        assert_same_bytes([found], [expected])


@settings(max_examples=40)
@given(st.sampled_from(DTYPES), inner, columns, many_columns, st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_weight_gradient_of_any_shape(dtype, M, K, N, offset, seed):
    rng = np.random.default_rng(seed)
    x, dy = rng.normal(size=(M, K)).astype(dtype), rng.normal(size=(M, offset + N + 3)).astype(dtype)
    dw = rng.normal(size=(K, N)).astype(dtype)
    before = dw.copy()
    add_weight_gradient(x, dy, offset, dw, 0, N)
    part = dy[:, offset : offset + N]
    expected = before + x.T.astype(np.float64) @ part.astype(np.float64)
    assert np.all(np.abs(dw - expected) <= tolerance(np.ascontiguousarray(x.T), part))


@pytest.mark.parametrize("dtype", DTYPES)
def test_weight_gradient_column_by_column(dtype):
    rng = np.random.default_rng(4)
    x, dy = rng.normal(size=(520, 13)).astype(dtype), rng.normal(size=(520, 600)).astype(dtype)
    whole, parts = np.zeros((13, 600), dtype), np.zeros((13, 600), dtype)
    add_weight_gradient(x, dy, 0, whole, 0, 600)
    assert whole.any()
    for n0, n1 in ((64, 600), (0, 32), (32, 64), (7, 7)):
        others = np.delete(parts, np.s_[n0:n1], axis=1)
        add_weight_gradient(x, dy, 0, parts, n0, n1)
        np.testing.assert_array_equal(np.delete(parts, np.s_[n0:n1], axis=1), others)
    np.testing.assert_array_equal(parts, whole)


def test_nan_and_infinity_come_through():
    x, w = np.ones((1, 2, 3), np.float32), np.ones((3, 5), np.float32)
    x[0, 1, 2], w[1, 4] = np.nan, np.inf
    y = np.zeros((1, 2, 5), np.float32)
    add(x, packed(w), y)
    np.testing.assert_array_equal(y[0, 0], [3, 3, 3, 3, np.inf])
    assert np.isnan(y[0, 1]).all()


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("keep_packed", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_weight_packs_both_ways_and_again(dtype, keep_packed, transposed):
    rng = np.random.default_rng(5)
    stored = rng.normal(size=(34, 19) if transposed else (19, 34)).astype(dtype)
    weight = Weight(stored, np.zeros_like(stored), keep_packed, transposed)
    value = weight.value
    assert np.shares_memory(value, stored)
    for _ in range(2):
        value *= 2
        weight.pack()
        forward, back = np.zeros((1, 19, 34), dtype), np.zeros((1, 34, 19), dtype)
        add(np.eye(19, dtype=dtype)[None], weight.packed(), forward)
        add(np.eye(34, dtype=dtype)[None], weight.transposed(), back)
        np.testing.assert_array_equal(forward[0], value)
        np.testing.assert_array_equal(back[0], value.T)


@pytest.mark.parametrize("keep_packed", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_transposed_weight_multiplies_as_if_it_lay_the_other_way(dtype, keep_packed):
    rng = np.random.default_rng(6)
    stored = rng.normal(size=(600, 37)).astype(dtype)
    x, dy = rng.normal(size=(3, 5, 37)).astype(dtype), rng.normal(size=(3, 5, 600)).astype(dtype)
    results = []
    for weight in (
        Weight(stored, None, keep_packed, transposed=True),
        Weight(np.ascontiguousarray(stored.T), None, keep_packed),
    ):
        weight.pack()
        y, dx = np.ones_like(dy), np.ones_like(x)
        weight.multiply_rows(x, y, y, 1, 4)
        weight.multiply_rows_back(dy, dx, dx, 1, 4)
        assert (y[:, 1:4] != 1).all()
        assert (dx[:, 1:4] != 1).all()
        results.append((y, dx))
    assert_same_bytes(*results)


# N past the rows of a gradient that are taken at a time.
@pytest.mark.parametrize(("M", "K", "N"), [(3, 5, 2), (520, 37, 90), (7, 300, 4500)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradient_of_a_transposed_weight(dtype, M, K, N):
    rng = np.random.default_rng(7)
    x, dy = rng.normal(size=(M, K)).astype(dtype), rng.normal(size=(M, N + 3)).astype(dtype)
    before = rng.normal(size=(N, K)).astype(dtype)
    stored, whole, parts = np.zeros((N, K), dtype), before.copy(), before.copy()
    Weight(stored, whole, keep_packed=False, transposed=True).add_gradient(x, dy, 2, 0, N)
    part = dy[:, 2 : 2 + N]
    expected = before + part.T.astype(np.float64) @ x.astype(np.float64)
    assert np.all(np.abs(whole - expected) <= tolerance(np.ascontiguousarray(part.T), x))
    weight = Weight(stored, parts, keep_packed=False, transposed=True)
    for n0, n1 in ((64, N), (0, 32), (32, 64), (7, 7)):
        n0, n1 = min(n0, N), min(n1, N)
        others = np.delete(parts, np.s_[n0:n1], axis=0)
        weight.add_gradient(x, dy, 2, n0, n1)
        np.testing.assert_array_equal(np.delete(parts, np.s_[n0:n1], axis=0), others)
    assert_same_bytes([parts], [whole])


def test_what_is_kept_packed_is_not_packed_again():
    value = np.ones((19, 34))
    kept, other = Weight(value, None, keep_packed=True), Weight(value, None, keep_packed=False)
    assert kept.packed() is kept.packed() is kept.kept
    assert other.kept is None
