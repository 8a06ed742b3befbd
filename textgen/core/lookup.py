"""Rows of a matrix looked up by token id: one-hot input, embeddings. A negative id stands for the zero vector."""

from __future__ import annotations

import numpy as np

from textgen.core.jit import kernel


@kernel
def look_up_rows(ids, matrix, bias, y, b0, b1):
    """y[t, b] = bias + matrix[ids[t, b]] for the rows b0:b1.

    ids : (T, B) int32, each below V; negative: the bias alone. matrix : (V, N). bias : (N,). y : (T, B, N).
    """
    zeros = np.zeros_like(bias)
    for t in range(ids.shape[0]):
        for b in range(b0, b1):
            row, target = matrix[ids[t, b]] if ids[t, b] >= 0 else zeros, y[t, b]
            for j in range(target.size):
                target[j] = bias[j] + row[j]


@kernel
def add_lookup_gradients(ids, dy, dmatrix, dbias, n0, n1):
    """The gradients of `look_up_rows`: dmatrix[ids[t, b], n0:n1] and dbias[n0:n1] += dy[t, b, n0:n1], row by row.

    ids : (T, B) int32. dy : (T, B, N). dmatrix : (V, N), dbias : (N,), changed in place.
    """
    total, nowhere = dbias[n0:n1], np.zeros(n1 - n0, dbias.dtype)
    for t in range(ids.shape[0]):
        for b in range(ids.shape[1]):
            row, target = dy[t, b, n0:n1], dmatrix[ids[t, b], n0:n1] if ids[t, b] >= 0 else nowhere
            for j in range(row.size):
                target[j] += row[j]
                total[j] += row[j]
