"""All matrix products of the network.

The right operand is packed into panels of P columns, [ceil(N / P)][K][P], padded by zeros: as a whole for many
products, or part by part on the way. The left operand is read with any strides.

Each element of the result is a sum in the order of the inner dimension, cut at multiples of _DEPTH. So it depends
neither on the other rows nor on how threads share out the columns.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from textgen.core.products.tile import (
    ROW_PANELS,
    TILE_ROWS,
    copy_block_to_panel,
    copy_to_panel,
    multiply_row,
    multiply_tile,
)
from textgen.core.products.vectors import PANEL_BYTES, VECTORS
from textgen.core.runtime.buffers import empty
from textgen.core.runtime.crew import meet, share_of
from textgen.core.runtime.jit import inlined, kernel
from textgen.core.runtime.linking import Compiled, call

_DEPTH = 512  # of the inner dimension taken at a time: more would spill the panels from an L2 cache
_PAGE = 4096  # bytes; rows at a multiple of it from one another share one set of the first cache, of mostly 8 lines,
_FEWER_ROWS = min(8, TILE_ROWS)  # so that no more of them are read at a time
_GROUP = 8  # panels that are packed together on the way: their parts of a row are read while its page is at hand


def empty_panels(inner: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """Uninitialised panels for a matrix of shape (inner, columns)."""
    width = PANEL_BYTES // np.dtype(dtype).itemsize
    return empty((-(-columns // width), inner, width), dtype)


def repeated(vector: np.ndarray, T: int, B: int) -> np.ndarray:
    """`vector` (N,) seen as (T, B, N), each row the same memory: the base of a product."""
    # Not as_strided: that takes longer than a small product.
    return np.ndarray((T, B, vector.size), vector.dtype, vector, 0, (0, 0, vector.itemsize))


@kernel
def _pack(matrix, panels):
    """Copy `matrix` (K, N), any strides, into `panels` (ceil(N / P), K, P)."""
    count, inner, width = panels.shape
    whole = matrix.shape[1] // width  # panels without padding
    if matrix.strides[1] == matrix.itemsize:
        for k in range(inner):
            for p in range(whole):
                copy_to_panel(matrix, k, p * width, panels, p, k)
    else:
        lanes = width // VECTORS
        in_blocks = inner - inner % lanes if matrix.strides[0] == matrix.itemsize else 0  # of a transposed matrix
        for p in range(whole):
            for k in range(0, in_blocks, lanes):
                copy_block_to_panel(matrix, k, p * width, panels, p, k)
            for k in range(in_blocks, inner):
                for j in range(width):
                    panels[p, k, j] = matrix[k, p * width + j]
    if whole < count:
        first = whole * width
        for k in range(inner):
            for j in range(width):
                panels[whole, k, j] = matrix[k, first + j] if first + j < matrix.shape[1] else 0


@kernel
def product(x, panels, base, y):
    """y = base + x @ W, for W (K, N) packed in `panels`.

    x : (T, B, K), K >= 1, any strides. base, y : (T, B, N), last stride one element; may be the same. y is overwritten.
    """
    T, B, N = y.shape
    count, inner, width = panels.shape
    height = _FEWER_ROWS if x.strides[1] % _PAGE == 0 else TILE_ROWS
    tiles = max(1, -(-B // height))
    rows, more = B // tiles, B % tiles
    for k0 in range(0, inner, _DEPTH):
        k1 = min(k0 + _DEPTH, inner)
        left, right, start = x[:, :, k0:k1], panels[:, k0:k1], base if k0 == 0 else y
        p = 0
        while p < count:
            first = p * width
            source, target, columns = start[:, :, first:], y[:, :, first:], min(width, N - first)
            if B == 1 and p + ROW_PANELS <= count and first + ROW_PANELS * width <= N:
                for t in range(T):
                    multiply_row(left[t, 0], right, p, source[t, 0], target[t, 0])
                p += ROW_PANELS
            else:
                for t in range(T):
                    i = 0
                    for n in range(tiles):
                        taken = rows + (n < more)
                        multiply_tile(i, taken, columns, left[t], right[p], source[t], target[t])
                        i += taken
                p += 1


@cache
def _compiled_pack(dtype: np.dtype) -> Compiled:
    """`_pack` for arrays of any strides."""
    return Compiled(_pack, np.empty((2, 2), dtype)[:, :1], np.empty((2, 2, 2), dtype)[:, :, :1])


@kernel
def _call_pack(pack, matrix, panels):
    call(pack, (matrix, panels))


def pack(matrix: np.ndarray, panels: np.ndarray) -> None:
    """Copy `matrix` (K, N), any strides, into `panels` (ceil(N / P), K, P)."""
    _call_pack(_compiled_pack(matrix.dtype), matrix, panels)


class Packed(NamedTuple):
    """A matrix W (K, N) in panels, and `product` compiled for its dtype, as kernels take it to multiply by."""

    panels: np.ndarray
    product: Compiled


@cache
def compiled_product(dtype: np.dtype) -> Compiled:
    """`product` for arrays of any strides."""
    strided = np.empty((2, 2, 2), dtype)[:, :, :1]
    return Compiled(product, strided, strided, strided, strided)


@inlined
def add_product(x, weight, y):
    """y += x @ W, for a packed weight W (K, N).

    x : (T, B, K), any strides. y : (T, B, N), last stride one element; changed in place.
    """
    call(weight.product, (x, weight.panels, y, y))


@inlined
def multiply_together(x, weight, base, y, crew):
    """y = base + x @ W, each of the crew some columns. All meet before it begins, and when it has ended."""
    meet(crew)
    count, _, width = weight.panels.shape
    first, last = share_of(0, count, crew)
    columns = first * width
    call(weight.product, (x, weight.panels[first:last], base[:, :, columns:], y[:, :, columns:]))
    meet(crew)


@inlined
def add_product_together(x, weight, y, crew):
    """y += x @ W, each of the crew some columns. All meet before it begins, and when it has ended."""
    multiply_together(x, weight, y, y, crew)


@kernel
def product_rows(x, weight, base, y, b0, b1):
    """y[:, b] = base[:, b] + x[:, b] @ W for the rows b0:b1. x : (T, B, K). base, y : (T, B, N)."""
    call(weight.product, (x[:, b0:b1], weight.panels, base[:, b0:b1], y[:, b0:b1]))


@kernel
def _pack_and_multiply_rows(product, pack, x, matrix, transposed, base, y, b0, b1, panels):
    """As `product_rows`, where W is `matrix`, or matrix.T if `transposed`: packed on the way, a part at a time.

    panels : (_GROUP, at least min(K, _DEPTH), P), scratch.
    """
    K, N = x.shape[2], y.shape[2]
    columns = panels.shape[0] * panels.shape[2]
    for k0 in range(0, K, _DEPTH):
        k1 = min(k0 + _DEPTH, K)
        start = base if k0 == 0 else y
        for j in range(0, N, columns):
            last = min(j + columns, N)
            part = panels[: -(-(last - j) // panels.shape[2]), : k1 - k0]
            call(pack, (matrix.T[k0:k1, j:last] if transposed else matrix[k0:k1, j:last], part))
            call(product, (x[:, b0:b1, k0:k1], part, start[:, b0:b1, j:last], y[:, b0:b1, j:last]))


def pack_and_multiply_rows(
    x: np.ndarray, matrix: np.ndarray, transposed: bool, base: np.ndarray, y: np.ndarray, b0: int, b1: int
) -> None:
    """y[:, b] = base[:, b] + x[:, b] @ W for the rows b0:b1, where W is `matrix`, or matrix.T if `transposed`.

    x : (T, B, K), K >= 1. matrix : (K, N), or (N, K). base, y : (T, B, N). W is packed on the way, a part at a time;
    the bytes of y are those of `product_rows`.
    """
    panels = _some_panels(min(x.shape[2], _DEPTH), y.dtype)
    _pack_and_multiply_rows(
        compiled_product(y.dtype), _compiled_pack(y.dtype), x, matrix, transposed, base, y, b0, b1, panels
    )


def _some_panels(depth: int, dtype: np.dtype) -> np.ndarray:
    """Panels (_GROUP, depth, P) for a part of a matrix."""
    return empty_panels(depth, _GROUP * PANEL_BYTES // dtype.itemsize, dtype)


@kernel
def _add_weight_gradient(product, pack, x, dy, offset, dw, n0, n1, left, right):
    """dw[:, n0:n1] += x.T @ dy[:, offset + n0 : offset + n1]: some columns of the gradient of a weight.

    x : (M, K). dy : (M, N or more). dw : (1, K, N), changed in place. Both operands are packed on the way, into the
    panels `left` (ceil(K / P), _DEPTH, P) and `right` (_GROUP, _DEPTH, P): read where they lie, their rows would be so
    far apart that each entry costs a cache line.
    """
    M, K = x.shape
    width = right.shape[2]
    for m0 in range(0, M, _DEPTH):
        m1 = min(m0 + _DEPTH, M)
        call(pack, (x[m0:m1], left[:, : m1 - m0]))
        for j in range(n0, n1, _GROUP * width):
            last = min(j + _GROUP * width, n1)
            panels = right[: -(-(last - j) // width), : m1 - m0]
            call(pack, (dy[m0:m1, offset + j : offset + last], panels))
            for q in range(left.shape[0]):
                k0, k1 = q * width, min(q * width + width, K)
                part = dw[:, k0:k1, j:last]
                call(product, (left[q, : m1 - m0, : k1 - k0].T[None], panels, part, part))


def add_weight_gradient(x: np.ndarray, dy: np.ndarray, offset: int, dw: np.ndarray, n0: int, n1: int) -> None:
    """dw[:, n0:n1] += x.T @ dy[:, offset + n0 : offset + n1]: some columns of the gradient of a weight.

    x : (M, K). dy : (M, offset + N or more). dw : (K, N), changed in place.
    """
    if n0 == n1:  # more threads than panels
        return
    (M, K), dtype = x.shape, dw.dtype
    depth = min(M, _DEPTH)
    left, right = empty_panels(depth, K, dtype), _some_panels(depth, dtype)
    _add_weight_gradient(compiled_product(dtype), _compiled_pack(dtype), x, dy, offset, dw[None], n0, n1, left, right)
