"""All matrix products of the network.

The right operand is packed into panels of P columns, [ceil(N / P)][K][P], padded by zeros, once per update; the left
operand is read with any strides. Each element of the result is a sum in the order of the inner dimension, cut at
multiples of _DEPTH, so it depends neither on the other rows nor on how columns are shared out among threads.
"""

from __future__ import annotations

import numpy as np

from textgen.core.jit import kernel
from textgen.core.simd import PANEL_BYTES, TILE_ROWS, copy_to_panel, multiply_tile

_DEPTH = 512  # of the inner dimension taken at a time: more would spill the panels from an L2 cache
_GROUP = 8  # panels that are packed together on the way: their parts of a row are read while its page is at hand
_CHUNK = 4  # columns; divides every panel's width


def empty_panels(inner: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """Uninitialised panels for a matrix of shape (inner, columns)."""
    width = PANEL_BYTES // np.dtype(dtype).itemsize
    return np.empty((-(-columns // width), inner, width), dtype)


def repeated(vector: np.ndarray, T: int, B: int) -> np.ndarray:
    """`vector` (N,) seen as (T, B, N), each row the same memory: the base of a product."""
    # Not as_strided: it takes longer than a small product, and this is called for each token that is sampled.
    return np.ndarray((T, B, vector.size), vector.dtype, vector, 0, (0, 0, vector.itemsize))


@kernel
def pack(matrix, panels):
    """Copy `matrix` (K, N), any strides, into `panels` (ceil(N / P), K, P)."""
    count, inner, width = panels.shape
    whole = matrix.shape[1] // width  # panels without padding
    if matrix.strides[1] == matrix.itemsize:
        for k in range(inner):
            for p in range(whole):
                copy_to_panel(matrix, k, p * width, panels, p, k)
    else:
        # A transposed matrix: a few of its columns at a time, so that their lines stay in the cache.
        for j in range(0, whole * width, _CHUNK):
            for k in range(inner):
                for i in range(_CHUNK):
                    panels[j // width, k, j % width + i] = matrix[k, j + i]
    if whole < count:
        first = whole * width
        for k in range(inner):
            for j in range(width):
                panels[whole, k, j] = matrix[k, first + j] if first + j < matrix.shape[1] else 0


@kernel
def _multiply_rows(a, panel, base, c):
    """c[:, :P] = base[:, :P] + a @ panel, in tiles of like height. a : (M, K), panel : (K, P)."""
    M = a.shape[0]
    tiles = -(-M // TILE_ROWS)
    for n in range(tiles):
        i, last = M * n // tiles, M * (n + 1) // tiles
        multiply_tile(last - i, i, a, panel, base, c)


@kernel
def _multiply_panel(a, panel, base, c, edge):
    """c[:, :P] = base[:, :P] + a @ panel, or all N columns where N < P; `edge` is scratch. base, c : (M, N)."""
    N = c.shape[1]
    if panel.shape[1] <= N:
        _multiply_rows(a, panel, base, c)
        return
    for i in range(0, a.shape[0], TILE_ROWS):
        rows = a[i : i + TILE_ROWS]
        for r in range(rows.shape[0]):
            for j in range(N):
                edge[r, j] = base[i + r, j]
        _multiply_rows(rows, panel, edge, edge)
        for r in range(rows.shape[0]):
            for j in range(N):
                c[i + r, j] = edge[r, j]


@kernel
def _edge(panels):
    """Scratch of a tile's size, of the same Numba type as parts of a matrix, so that tiles are compiled once."""
    width = panels.shape[2]
    return np.zeros((TILE_ROWS, 2 * width), panels.dtype)[:, :width]


@kernel
def product(x, panels, base, y):
    """y = base + x @ W, for W (K, N) packed in `panels`.

    x : (T, B, K), any strides. base, y : (T, B, N), last stride one element; may be the same. y is overwritten.
    """
    count, inner, width = panels.shape
    edge = _edge(panels)
    for k0 in range(0, inner, _DEPTH):
        k1 = min(k0 + _DEPTH, inner)
        start = base if k0 == 0 else y
        for p in range(count):
            panel, first = panels[p, k0:k1], p * width
            for t in range(x.shape[0]):
                _multiply_panel(x[t, :, k0:k1], panel, start[t, :, first:], y[t, :, first:], edge)


@kernel
def add_product(x, panels, y):
    """y += x @ W, for W (K, N) packed in `panels`.

    x : (T, B, K), any strides. y : (T, B, N), last stride one element; changed in place.
    """
    product(x, panels, y, y)


@kernel
def product_rows(x, panels, base, y, b0, b1):
    """y[:, b] = base[:, b] + x[:, b] @ W for the rows b0:b1. x : (T, B, K). base, y : (T, B, N)."""
    product(x[:, b0:b1], panels, base[:, b0:b1], y[:, b0:b1])


def add_product_rows(x, panels, y, b0, b1):
    """y[:, b] += x[:, b] @ W for the rows b0:b1. x : (T, B, K), y : (T, B, N)."""
    product_rows(x, panels, y, y, b0, b1)


@kernel
def add_weight_gradient(x, dy, offset, dw, n0, n1):
    """dw[:, n0:n1] += x.T @ dy[:, offset + n0 : offset + n1]: some columns of the gradient of a weight.

    x : (M, K). dy : (M, N or more). dw : (K, N), changed in place. Both operands are packed on the way: read where they
    lie, their rows would be so far apart that each entry costs a cache line.
    """
    M, K = x.shape
    width = PANEL_BYTES // dy.itemsize
    for m0 in range(0, M, _DEPTH):
        m1 = min(m0 + _DEPTH, M)
        left = np.empty((-(-K // width), m1 - m0, width), dy.dtype)
        pack(x[m0:m1], left)
        edge = _edge(left)
        for j in range(n0, n1, _GROUP * width):
            last = min(j + _GROUP * width, n1)
            right = np.empty((-(-(last - j) // width), m1 - m0, width), dy.dtype)
            pack(dy[m0:m1, offset + j : offset + last], right)
            for p in range(right.shape[0]):
                for q in range(left.shape[0]):
                    part = dw[q * width : (q + 1) * width, j + p * width : last]
                    _multiply_panel(left[q, :, : part.shape[0]].T, right[p], part, part, edge)


class Weight:
    """A matrix of parameters, with what products need of it.

    value, gradient : (K, N) views of the parameter and gradient vectors; gradient is None where nothing is trained.
    panels : `value` packed, for x @ W. transposed : value.T packed, for dy @ W.T, None where nothing is trained.
    `pack` must be called after each change of `value`.
    """

    def __init__(self, value: np.ndarray, gradient: np.ndarray | None) -> None:
        self.value, self.gradient = value, gradient
        inner, columns = value.shape
        self.panels = empty_panels(inner, columns, value.dtype)
        self.transposed = None if gradient is None else empty_panels(columns, inner, value.dtype)

    def pack(self) -> None:
        """Renew the packed forms from `value`."""
        pack(self.value, self.panels)
        if self.transposed is not None:
            pack(self.value.T, self.transposed)
