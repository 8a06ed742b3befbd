"""All matrix products of the network.

The right operand is packed into panels of P columns, [ceil(N / P)][K][P], padded by zeros, once per update; the left
operand is read with any strides; the result is accumulated in place. Each element of the result is one sum in the order
of the inner dimension, so it depends neither on the other rows nor on how columns are shared out among threads.
"""

from __future__ import annotations

import numpy as np

from textgen.core.jit import kernel
from textgen.core.simd import PANEL_BYTES, tile_1, tile_2, tile_4, tile_8

_DEPTH = 256  # of the inner dimension taken at a time: a panel's part of 256 x 32 float32 fills an L1 cache


def empty_panels(inner: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """Uninitialised panels for a matrix of shape (inner, columns)."""
    width = PANEL_BYTES // np.dtype(dtype).itemsize
    return np.empty((-(-columns // width), inner, width), dtype)


@kernel
def pack(matrix, panels):
    """Copy `matrix` (K, N), any strides, into `panels` (ceil(N / P), K, P)."""
    count, inner, width = panels.shape
    columns = matrix.shape[1]
    for p in range(count):
        first = p * width
        valid = min(width, columns - first)
        for k in range(inner):
            for j in range(valid):
                panels[p, k, j] = matrix[k, first + j]
            for j in range(valid, width):
                panels[p, k, j] = 0


@kernel
def _add_rows(a, k0, k1, panels, p, c, row, column):
    """c[row:row+M, column:column+P] += a[:, k0:k1] @ panels[p, k0:k1], for the M rows of a."""
    M = a.shape[0]
    i = 0
    while i + 8 <= M:
        tile_8(a, i, k0, k1, panels, p, c, row + i, column)
        i += 8
    if i + 4 <= M:
        tile_4(a, i, k0, k1, panels, p, c, row + i, column)
        i += 4
    if i + 2 <= M:
        tile_2(a, i, k0, k1, panels, p, c, row + i, column)
        i += 2
    if i < M:
        tile_1(a, i, k0, k1, panels, p, c, row + i, column)


@kernel
def _add_panel(a, k0, k1, panels, p, c, edge):
    """c[:, panel p's columns] += a[:, k0:k1] @ panels[p, k0:k1]; `edge` (8, P) is scratch for the last panel."""
    width = panels.shape[2]
    first = p * width
    valid = c.shape[1] - first
    if valid >= width:
        _add_rows(a, k0, k1, panels, p, c, 0, first)
        return
    M = a.shape[0]
    for i in range(0, M, 8):
        rows = min(8, M - i)
        for r in range(rows):
            for j in range(valid):
                edge[r, j] = c[i + r, first + j]
        _add_rows(a[i : i + rows], k0, k1, panels, p, edge, 0, 0)
        for r in range(rows):
            for j in range(valid):
                c[i + r, first + j] = edge[r, j]


@kernel
def add_product(x, panels, y):
    """y += x @ W, for W (K, N) packed in `panels`.

    x : (T, B, K), any strides. y : (T, B, N), last stride one element; changed in place.
    """
    inner = panels.shape[1]
    edge = np.zeros((8, panels.shape[2]), y.dtype)
    for k0 in range(0, inner, _DEPTH):
        k1 = min(k0 + _DEPTH, inner)
        for p in range(panels.shape[0]):
            for t in range(x.shape[0]):
                _add_panel(x[t], k0, k1, panels, p, y[t], edge)


@kernel
def add_product_rows(x, panels, y, b0, b1):
    """y[:, b] += x[:, b] @ W for the rows b0:b1. x : (T, B, K), y : (T, B, N), both C-contiguous."""
    add_product(x[:, b0:b1], panels, y[:, b0:b1])


@kernel
def add_weight_gradient(x, dy, offset, dw, n0, n1):
    """dw[:, n0:n1] += x.T @ dy[:, offset + n0 : offset + n1]: some columns of the gradient of a weight.

    x : (M, K). dy : (M, N or more). dw : (K, N), changed in place.
    """
    rows = x.shape[0]
    width = PANEL_BYTES // dy.itemsize
    panels = np.empty((1, min(_DEPTH, rows), width), dy.dtype)
    edge = np.zeros((8, width), dy.dtype)
    for m0 in range(0, rows, _DEPTH):
        m1 = min(m0 + _DEPTH, rows)
        left = x[m0:m1].T
        for j in range(n0, n1, width):
            last = min(j + width, n1)
            right = panels[:, : m1 - m0]
            pack(dy[m0:m1, offset + j : offset + last], right)
            _add_panel(left, 0, m1 - m0, right, 0, dw[:, j:last], edge)


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
