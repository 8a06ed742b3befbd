"""Rows of a matrix looked up by token id: one-hot input, embeddings. A negative id stands for the zero vector."""

from __future__ import annotations

from textgen.core.jit import kernel


@kernel
def add_looked_up(ids, matrix, y, b0, b1):
    """y[t, b] += matrix[ids[t, b]] for the rows b0:b1.

    ids : (T, B) int32, each below V; negative: nothing is added. matrix : (V, N). y : (T, B, N).
    """
    for t in range(ids.shape[0]):
        for b in range(b0, b1):
            if ids[t, b] >= 0:
                row, target = matrix[ids[t, b]], y[t, b]
                for j in range(target.size):
                    target[j] += row[j]


@kernel
def add_lookup_gradient(ids, dy, dmatrix, n0, n1):
    """dmatrix[ids[t, b], n0:n1] += dy[t, b, n0:n1], step by step and row by row.

    ids : (T, B) int32. dy : (T, B, N). dmatrix : (V, N), changed in place.
    """
    for t in range(ids.shape[0]):
        for b in range(ids.shape[1]):
            if ids[t, b] >= 0:
                row, target = dy[t, b, n0:n1], dmatrix[ids[t, b], n0:n1]
                for j in range(row.size):
                    target[j] += row[j]
