"""The gated recurrent unit (Cho et al. 2014, arXiv:1406.1078).

u = sigma(Wu [c', x]); r = sigma(Wr [c', x]); c~ = tanh(Wc [r * c', x]); c = u * c~ + (1 - u) * c'; a = c.

The reset comes before the product, as in the paper (ONNX: linear_before_reset = 0; PyTorch's nn.GRU applies it after).
u = 1 means "take the new"; the paper's, PyTorch's and ONNX's update gate z is 1 - u.
"""

from __future__ import annotations

from textgen.core.cells.cell import Cell
from textgen.core.cells.prefetch import prefetch_row
from textgen.core.cells.steps import add_rows, backward_interpolate, clear_starts, copy_previous, interpolate
from textgen.core.kernels.activations import apply_logistic, apply_tanh, through_logistic
from textgen.core.products.product import add_product, add_product_together
from textgen.core.runtime.crew import share_of
from textgen.core.runtime.jit import kernel


@kernel
def forward(gates, states, sources, starts, weights, peephole, b0, b1, crew):
    """See `cell.py` for the arguments."""
    T, _, H = sources[0].shape
    first, last = share_of(b0, b1, crew)
    for t in range(T):
        copy_previous(states[0], starts, t, sources[0], first, last)
        add_product_together(sources[0, t : t + 1, b0:b1], weights[0], gates[t : t + 1, b0:b1, : 2 * H], crew)
        for b in range(first, last):
            apply_logistic(gates[t, b, : 2 * H])
            r, previous, kept = gates[t, b, H : 2 * H], sources[0, t, b], sources[1, t, b]
            for j in range(H):
                kept[j] = r[j] * previous[j]
        add_product_together(sources[1, t : t + 1, b0:b1], weights[1], gates[t : t + 1, b0:b1, 2 * H :], crew)
        for b in range(first, last):
            u, candidate = gates[t, b, :H], gates[t, b, 2 * H :]
            apply_tanh(candidate)
            interpolate(u, candidate, sources[0, t, b], states[0, t + 1, b])


@kernel
def backward(gates, states, sources, starts, weights, peephole, doutput, dstate, b0, b1):
    """See `cell.py` for the arguments."""
    T, _, H = sources[0].shape
    for t in range(T - 1, -1, -1):
        add_rows(doutput[t], dstate[0], b0, b1)
        for b in range(b0, b1):
            prefetch_row(gates, t - 1, b)
            prefetch_row(sources[0], t - 1, b)
            prefetch_row(doutput, t - 1, b)
            doutput[t, b, :] = 0  # from here on the gradient of r * c'
            u, candidate = gates[t, b, :H], gates[t, b, 2 * H :]
            backward_interpolate(u, candidate, sources[0, t, b], dstate[0, b])
        add_product(gates[t : t + 1, b0:b1, 2 * H :], weights[1], doutput[t : t + 1, b0:b1])
        for b in range(b0, b1):
            r, previous, dc, dk = gates[t, b, H : 2 * H], sources[0, t, b], dstate[0, b], doutput[t, b]
            for j in range(H):
                dc[j] += dk[j] * r[j]
                r[j] = through_logistic(dk[j] * previous[j], r[j])
        add_product(gates[t : t + 1, b0:b1, : 2 * H], weights[0], dstate[0:1, b0:b1])
        clear_starts(starts, t, dstate, b0, b1)


GRU = Cell(gates=("u", "r", "c"), products=(2, 1), forward=forward, backward=backward)
