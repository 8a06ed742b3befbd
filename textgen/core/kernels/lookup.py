"""Rows of a matrix looked up by token id: one-hot input, embeddings. A negative id stands for the zero vector."""

from __future__ import annotations

from textgen.core.runtime.jit import inlined, kernel


@inlined
def look_up(idx, scale, matrix, bias, y):
    """y = bias + scale * matrix[idx], just the bias where idx is negative. matrix : (V, N). bias, y : (N,)."""
    known, zero = idx >= 0, matrix.dtype.type(0)
    row = matrix[idx if known else 0]
    for j in range(y.size):
        y[j] = bias[j] + scale * (row[j] if known else zero)


@kernel
def look_up_rows(ids, scales, matrix, bias, y, b0, b1):
    """y[t, b] = bias + scales[t, b] * matrix[ids[t, b]] for the rows b0:b1.

    ids : (T, B) int32, each below V; negative: the bias alone. scales : (T, B). matrix : (V, N). bias : (N,).
    y : (T, B, N).
    """
    for t in range(ids.shape[0]):
        for b in range(b0, b1):
            look_up(ids[t, b], scales[t, b], matrix, bias, y[t, b])


@kernel
def add_lookup_gradients(ids, scales, dy, dmatrix, dbias, n0, n1):
    """The gradients of `look_up_rows`, of the columns n0:n1 : dmatrix[ids[t, b]] += scales[t, b] * dy[t, b], row by
    row, and dbias += dy[t, b].

    ids : (T, B) int32. scales : (T, B). dy : (T, B, N). dmatrix : (V, N), dbias : (N,), changed in place.
    """
    zero, total = dy.dtype.type(0), dbias[n0:n1]
    for t in range(ids.shape[0]):
        for b in range(ids.shape[1]):
            known, scale = ids[t, b] >= 0, scales[t, b]
            row, target = dy[t, b, n0:n1], dmatrix[ids[t, b] if known else 0, n0:n1]
            for j in range(row.size):
                target[j] += scale * (row[j] if known else zero)
                total[j] += row[j]
