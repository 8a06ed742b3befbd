"""The small loops between the products: activations of dense layers, sums over rows."""

from __future__ import annotations

from textgen.core.kernels.activations import apply_tanh, through_tanh
from textgen.core.runtime.jit import kernel


@kernel
def tanh_rows(y, b0, b1):
    """Replace y[t, b] by its hyperbolic tangent for the rows b0:b1; y : (T, B, N)."""
    for t in range(y.shape[0]):
        for b in range(b0, b1):
            apply_tanh(y[t, b])


@kernel
def through_tanh_rows(y, dy, b0, b1):
    """Turn dy, the gradient of y = tanh(x), into that of x, for the rows b0:b1; y, dy : (T, B, N)."""
    for t in range(y.shape[0]):
        for b in range(b0, b1):
            value, gradient = y[t, b], dy[t, b]
            for j in range(value.size):
                gradient[j] = through_tanh(gradient[j], value[j])


@kernel
def add_row_sums(dy, total, n0, n1):
    """total[n0:n1] += the sum of dy over steps and rows, one after the other: the gradient of a bias.

    dy : (T, B, N). total : (N,), changed in place.
    """
    target = total[n0:n1]
    for t in range(dy.shape[0]):
        for b in range(dy.shape[1]):
            row = dy[t, b, n0:n1]
            for j in range(target.size):
                target[j] += row[j]


@kernel
def add_memory_products(dgates, memory, starts, dpeephole, n0, n1):
    """The gradient of peepholes: dpeephole[i, j] += the sum over t and b of dgates[t, b, i * H + j] * c'[t, b, j].

    dgates : (T, B, G * H), of which the first P gates have peepholes. memory : (T + 1, B, H); c' = memory[t, b], zero
    where a sequence starts. starts : (T, B). dpeephole : (P, H); columns n0:n1 are changed.
    """
    H = memory.shape[2]
    for t in range(dgates.shape[0]):
        for b in range(dgates.shape[1]):
            if starts[t, b]:
                continue
            previous = memory[t, b, n0:n1]
            for i in range(dpeephole.shape[0]):
                row, target = dgates[t, b, i * H + n0 : i * H + n1], dpeephole[i, n0:n1]
                for j in range(target.size):
                    target[j] += row[j] * previous[j]
