"""Products write nothing outside their part and use nothing outside their operands.

Their vectors are loaded and stored without any check of bounds. So all that lies around the arrays is NaN here: what is
read too far makes the result NaN, what is written too far shows. It is the signalling NaN, which no arithmetic leaves
as it is: so even a 0 that is added to it shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
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

add = entry(add_product)
dtypes = st.sampled_from([np.float32, np.float64])
# As in test_product.py.
steps, rows, inner, columns = st.integers(1, 3), st.integers(1, 19), st.integers(1, 1100), st.integers(1, 70)
seeds = st.integers(0, 2**32 - 1)
POISON: dict[int, Any] = {4: np.uint32(0x7FA00000), 8: np.uint64(0x7FF4000000000000)}


class Poisoned:
    """An array in the middle of a larger one that is signalling NaN everywhere else.

    array : C-contiguous, or, with `margin`, with NaN between its rows, too.
    """

    def __init__(self, content: np.ndarray, margin: int = 0) -> None:
        *outer, last = content.shape
        size = content.size // last * (last + 2 * margin) + 400
        self.bits = np.full(size, POISON[content.itemsize])
        self.array = (
            self.bits[200:-200].view(content.dtype).reshape(*outer, last + 2 * margin)[..., margin:][..., :last]
        )
        self.array[:] = content

    def assert_only_the_array_changed(self) -> None:
        """All around the array is as it was, and nothing in it is NaN."""
        assert not np.isnan(self.array).any()
        poison = POISON[self.array.itemsize]
        self.array[:] = poison.view(self.array.dtype)
        assert (self.bits == poison).all()


def some_rows(dtype, T, B, K, N, b0, b1, seed):
    """Random x (T, B, K), w (K, N) and y (T, B, N); and which rows are not b0:b1, in which x is NaN."""
    rng = np.random.default_rng(seed)
    x, w, y = (rng.normal(size=shape).astype(dtype) for shape in ((T, B, K), (K, N), (T, B, N)))
    others = np.ones(B, np.bool_)
    others[b0:b1] = False
    x[:, others] = np.nan
    return x, w, y, others


def poisoned_panels(w: np.ndarray) -> Poisoned:
    """W packed, in panels between NaN."""
    panels = Poisoned(empty_panels(w.shape[0], w.shape[1], w.dtype))
    panels.array[:] = np.nan
    pack(w, panels.array)
    return panels


def as_weight(panels: np.ndarray) -> Packed:
    """The panels as products take them."""
    return Packed(panels, compiled_product(panels.dtype))


def clean_panels(w: np.ndarray) -> np.ndarray:
    """W packed, in an array of its own."""
    panels = empty_panels(w.shape[0], w.shape[1], w.dtype)
    pack(w, panels)
    return panels


@settings(max_examples=60)
@given(dtypes, steps, rows, inner, columns, st.integers(0, 40), seeds)
def test_product(dtype, T, B, K, N, margin, seed):
    rng = np.random.default_rng(seed)
    x, w, y = rng.normal(size=(T, B, K)), rng.normal(size=(K, N)), rng.normal(size=(T, B, N))
    x, w, y = x.astype(dtype), w.astype(dtype), y.astype(dtype)
    left, right, result = Poisoned(x, margin), poisoned_panels(Poisoned(w, margin).array), Poisoned(y, margin)
    add(left.array, as_weight(right.array), result.array)
    add(x, as_weight(clean_panels(w)), y)
    assert_same_bytes([result.array.copy()], [y])
    for operand in (left, right, result):
        operand.assert_only_the_array_changed()


@settings(max_examples=60)
@given(dtypes, steps, rows, inner, columns, st.integers(0, 19), st.integers(0, 19), st.booleans(), seeds)
def test_product_of_some_rows(dtype, T, B, K, N, b0, b1, in_place, seed):
    b0, b1 = sorted((min(b0, B), min(b1, B)))
    x, w, y, others = some_rows(dtype, T, B, K, N, b0, b1, seed)
    before = y.copy()
    left, right, result = Poisoned(x), poisoned_panels(w), Poisoned(y)
    base = result if in_place else Poisoned(y[::-1, ::-1])
    product_rows(left.array, as_weight(right.array), base.array, result.array, b0, b1)
    assert_same_bytes([result.array[:, others]], [before[:, others]])
    assert b0 == b1 or (result.array[:, b0:b1] != before[:, b0:b1]).any()
    result.assert_only_the_array_changed()
    if not in_place:
        base.assert_only_the_array_changed()


@settings(max_examples=60)
@given(dtypes, steps, rows, inner, st.integers(1, 300), st.booleans(), st.integers(0, 19), st.integers(0, 19), seeds)
def test_product_packed_on_the_way(dtype, T, B, K, N, transposed, b0, b1, seed):
    b0, b1 = sorted((min(b0, B), min(b1, B)))
    x, w, base, others = some_rows(dtype, T, B, K, N, b0, b1, seed)
    matrix = Poisoned(np.ascontiguousarray(w.T) if transposed else w)
    left, start, result = Poisoned(x), Poisoned(base), Poisoned(np.zeros_like(base))
    pack_and_multiply_rows(left.array, matrix.array, transposed, start.array, result.array, b0, b1)
    assert not result.array[:, others].any()
    assert b0 == b1 or result.array[:, b0:b1].all()
    for operand in (matrix, start, result):
        operand.assert_only_the_array_changed()


@settings(max_examples=60)
@given(dtypes, inner, columns, st.integers(1, 600), st.integers(0, 5), st.integers(0, 40), st.integers(0, 9))
def test_weight_gradient_of_some_columns(dtype, M, K, N, first, last, offset):
    width = empty_panels(1, 1, dtype).shape[2]
    n0, n1 = sorted((min(first * width, N), min(last * width, N)))
    rng = np.random.default_rng(M)
    x, dy = rng.normal(size=(M, K)).astype(dtype), rng.normal(size=(M, offset + N)).astype(dtype)
    dw = rng.normal(size=(K, N)).astype(dtype)
    dy[:, :offset] = dy[:, offset : offset + n0] = dy[:, offset + n1 :] = np.nan
    before = dw.copy()
    left, right, result = Poisoned(x, 3), Poisoned(dy, 5), Poisoned(dw)
    add_weight_gradient(left.array, right.array, offset, result.array, n0, n1)
    others = np.ones(N, np.bool_)
    others[n0:n1] = False
    assert_same_bytes([result.array[:, others]], [before[:, others]])
    assert n0 == n1 or (result.array[:, n0:n1] != before[:, n0:n1]).any()
    result.assert_only_the_array_changed()
