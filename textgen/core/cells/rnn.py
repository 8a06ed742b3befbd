"""The simple recurrent network (Elman 1990): a = tanh(Wa [a', x])."""

from __future__ import annotations

from textgen.core.cells.cell import Cell
from textgen.core.cells.steps import add_rows, clear_starts, copy_previous
from textgen.core.kernels.activations import apply_tanh, through_tanh
from textgen.core.products.product import add_product, add_product_together
from textgen.core.runtime.crew import share_of
from textgen.core.runtime.jit import kernel


@kernel
def forward(gates, states, sources, starts, weights, peephole, b0, b1, crew):
    """See `cell.py` for the arguments."""
    T, _, H = gates.shape
    first, last = share_of(b0, b1, crew)
    for t in range(T):
        copy_previous(states[0], starts, t, sources[0], first, last)
        add_product_together(sources[0, t : t + 1, b0:b1], weights[0], gates[t : t + 1, b0:b1], crew)
        for b in range(first, last):
            a, state = gates[t, b], states[0, t + 1, b]
            apply_tanh(a)
            for j in range(H):
                state[j] = a[j]


@kernel
def backward(gates, states, sources, starts, weights, peephole, doutput, dstate, b0, b1):
    """See `cell.py` for the arguments."""
    T, _, H = gates.shape
    for t in range(T - 1, -1, -1):
        add_rows(doutput[t], dstate[0], b0, b1)
        for b in range(b0, b1):
            a, da = gates[t, b], dstate[0, b]
            for j in range(H):
                a[j] = through_tanh(da[j], a[j])
                da[j] = 0
        add_product(gates[t : t + 1, b0:b1], weights[0], dstate[0:1, b0:b1])
        clear_starts(starts, t, dstate, b0, b1)


RNN = Cell(gates=("a",), products=(1,), forward=forward, backward=backward)
