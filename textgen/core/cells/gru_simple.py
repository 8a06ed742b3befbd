"""The gated recurrent unit without its reset gate.

c~ = tanh(Wc [c', x]); u = sigma(Wu [c', x]); c = u * c~ + (1 - u) * c'; a = c.
"""

from __future__ import annotations

from textgen.core.cells.cell import Cell
from textgen.core.cells.prefetch import prefetch_row
from textgen.core.cells.steps import add_rows, backward_interpolate, clear_starts, copy_previous, interpolate
from textgen.core.kernels.activations import apply_logistic, apply_tanh
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
        add_product_together(sources[0, t : t + 1, b0:b1], weights[0], gates[t : t + 1, b0:b1], crew)
        for b in range(first, last):
            u, candidate = gates[t, b, :H], gates[t, b, H:]
            apply_logistic(u)
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
            u, candidate = gates[t, b, :H], gates[t, b, H:]
            backward_interpolate(u, candidate, sources[0, t, b], dstate[0, b])
        add_product(gates[t : t + 1, b0:b1], weights[0], dstate[0:1, b0:b1])
        clear_starts(starts, t, dstate, b0, b1)


GRU_SIMPLE = Cell(gates=("u", "c"), products=(2,), forward=forward, backward=backward)
