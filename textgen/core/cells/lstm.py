"""Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000), in three forms.

lstm          : c~ = tanh(Wc [a', x]); u, f, o = sigma(W. [a', x]); c = u * c~ + f * c'; a = o * tanh(c).
lstm-linear   : the same with a = o * c.
lstm-peephole : u, f, o also see c' through one weight per unit. All three see the previous memory (in Gers et al. 2002
                the output gate sees the new one).

states[0] is a, states[1] the memory c. Gates in the order u, f, o, c~.
"""

from __future__ import annotations

from textgen.core.cells.cell import Cell
from textgen.core.cells.prefetch import prefetch_row
from textgen.core.cells.steps import add_rows, clear_starts, copy_previous
from textgen.core.kernels.activations import apply_logistic, apply_tanh, tanh, through_logistic, through_tanh
from textgen.core.products.product import add_product, add_product_together
from textgen.core.runtime.crew import share_of
from textgen.core.runtime.jit import inlined, kernel

_GATES = ("u", "f", "o", "c")


@inlined
def _add_peephole(gates, memory, peephole):
    """gates[i * H + j] += peephole[i, j] * memory[j] for the gates u, f, o of one row."""
    H = memory.size
    for i in range(peephole.shape[0]):
        gate, weight = gates[i * H : (i + 1) * H], peephole[i]
        for j in range(H):
            gate[j] += weight[j] * memory[j]


@inlined
def _activate_and_remember(gates, memory, new_memory):
    """Activate the gates of one row in place; new_memory = u * c~ + f * memory."""
    H = memory.size
    apply_logistic(gates[: 3 * H])
    apply_tanh(gates[3 * H :])
    u, f, candidate = gates[:H], gates[H : 2 * H], gates[3 * H :]
    for j in range(H):
        new_memory[j] = u[j] * candidate[j] + f[j] * memory[j]


@inlined
def _forward_gates(gates, states, sources, starts, weights, peephole, t, b0, b1, crew):
    """Everything of step t but the output: products, gates, memory."""
    first, last = share_of(b0, b1, crew)
    copy_previous(states[0], starts, t, sources[0], first, last)
    add_product_together(sources[0, t : t + 1, b0:b1], weights[0], gates[t : t + 1, b0:b1], crew)
    for b in range(first, last):
        # The memory before; zeros, which a' then is, where a sequence starts.
        memory = sources[0, t, b] if starts[t, b] else states[1, t, b]
        _add_peephole(gates[t, b], memory, peephole)
        _activate_and_remember(gates[t, b], memory, states[1, t + 1, b])


@kernel
def forward(gates, states, sources, starts, weights, peephole, b0, b1, crew):
    """a = o * tanh(c). See `cell.py` for the arguments."""
    T, _, H = sources[0].shape
    first, last = share_of(b0, b1, crew)
    for t in range(T):
        _forward_gates(gates, states, sources, starts, weights, peephole, t, b0, b1, crew)
        for b in range(first, last):
            o, memory, output = gates[t, b, 2 * H : 3 * H], states[1, t + 1, b], states[0, t + 1, b]
            for j in range(H):
                output[j] = o[j] * tanh(memory[j])


@kernel
def forward_linear(gates, states, sources, starts, weights, peephole, b0, b1, crew):
    """a = o * c. See `cell.py` for the arguments."""
    T, _, H = sources[0].shape
    first, last = share_of(b0, b1, crew)
    for t in range(T):
        _forward_gates(gates, states, sources, starts, weights, peephole, t, b0, b1, crew)
        for b in range(first, last):
            o, memory, output = gates[t, b, 2 * H : 3 * H], states[1, t + 1, b], states[0, t + 1, b]
            for j in range(H):
                output[j] = o[j] * memory[j]


@inlined
def _backward_gates(gates, do, dc, memory):
    """The gates of one row become their pre-activations' gradients.

    gates : (4H,), activated; changed in place. do : (H,), the gradient of o. dc : (H,), the gradient of the new
    memory; becomes that of the previous one by way of the forget gate. memory : (H,), the previous memory.
    """
    H = memory.size
    u, f = gates[:H], gates[H : 2 * H]
    o, candidate = gates[2 * H : 3 * H], gates[3 * H :]
    for j in range(H):
        o[j] = through_logistic(do[j], o[j])
    for j in range(H):
        du = through_logistic(dc[j] * candidate[j], u[j])
        candidate[j] = through_tanh(dc[j] * u[j], candidate[j])
        u[j] = du
    for j in range(H):
        df = through_logistic(dc[j] * memory[j], f[j])
        dc[j] *= f[j]
        f[j] = df


@inlined
def _backward_peephole(dgates, dc, peephole):
    """dc[j] += peephole[i, j] * dgates[i * H + j]: the way back through the peepholes of one row."""
    H = dc.size
    for i in range(peephole.shape[0]):
        dgate, weight = dgates[i * H : (i + 1) * H], peephole[i]
        for j in range(H):
            dc[j] += weight[j] * dgate[j]


@inlined
def _backward_products(gates, starts, weights, dstate, t, b0, b1):
    """The gradient of the previous output: da' = dgates @ W.T, and nothing where a sequence starts."""
    dstate[0, b0:b1] = 0
    add_product(gates[t : t + 1, b0:b1], weights[0], dstate[0:1, b0:b1])
    clear_starts(starts, t, dstate, b0, b1)


@kernel
def backward(gates, states, sources, starts, weights, peephole, doutput, dstate, b0, b1):
    """The way back through a = o * tanh(c). See `cell.py` for the arguments."""
    T, _, H = sources[0].shape
    for t in range(T - 1, -1, -1):
        add_rows(doutput[t], dstate[0], b0, b1)
        for b in range(b0, b1):
            prefetch_row(gates, t - 1, b)
            prefetch_row(states[1], t - 1, b)
            prefetch_row(doutput, t - 1, b)
            o, new_memory, da, dc = gates[t, b, 2 * H : 3 * H], states[1, t + 1, b], dstate[0, b], dstate[1, b]
            for j in range(H):
                squashed = tanh(new_memory[j])
                dc[j] += through_tanh(da[j] * o[j], squashed)
                da[j] *= squashed
            memory = sources[0, t, b] if starts[t, b] else states[1, t, b]
            _backward_gates(gates[t, b], da, dc, memory)
            _backward_peephole(gates[t, b], dc, peephole)
        _backward_products(gates, starts, weights, dstate, t, b0, b1)


@kernel
def backward_linear(gates, states, sources, starts, weights, peephole, doutput, dstate, b0, b1):
    """The way back through a = o * c. See `cell.py` for the arguments."""
    T, _, H = sources[0].shape
    for t in range(T - 1, -1, -1):
        add_rows(doutput[t], dstate[0], b0, b1)
        for b in range(b0, b1):
            prefetch_row(gates, t - 1, b)
            prefetch_row(states[1], t - 1, b)
            prefetch_row(doutput, t - 1, b)
            o, new_memory, da, dc = gates[t, b, 2 * H : 3 * H], states[1, t + 1, b], dstate[0, b], dstate[1, b]
            for j in range(H):
                dc[j] += da[j] * o[j]
                da[j] *= new_memory[j]
            memory = sources[0, t, b] if starts[t, b] else states[1, t, b]
            _backward_gates(gates[t, b], da, dc, memory)
            _backward_peephole(gates[t, b], dc, peephole)
        _backward_products(gates, starts, weights, dstate, t, b0, b1)


LSTM = Cell(_GATES, (4,), forward, backward, states=2, forget="f")
LSTM_LINEAR = Cell(_GATES, (4,), forward_linear, backward_linear, states=2, forget="f")
LSTM_PEEPHOLE = Cell(_GATES, (4,), forward, backward, states=2, peepholes=("u", "f", "o"), forget="f")
