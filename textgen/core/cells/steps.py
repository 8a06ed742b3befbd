"""What the kernels of all cells share: moving rows of states from step to step."""

from __future__ import annotations

from textgen.core.kernels.activations import through_logistic, through_tanh
from textgen.core.runtime.jit import inlined


@inlined
def copy_previous(state, starts, t, source, b0, b1):
    """source[t, b] = the state before step t, zero where a sequence starts.

    state : (T + 1, B, H). starts : (T, B). source : (T, B, H); rows b0:b1 of step t are written.
    """
    H = state.shape[2]
    for b in range(b0, b1):
        row = source[t, b]
        if starts[t, b]:
            row[:] = 0
        else:
            previous = state[t, b]
            for j in range(H):
                row[j] = previous[j]


@inlined
def add_rows(x, y, b0, b1):
    """y[b] += x[b] for the rows b0:b1; x and y : (B, H)."""
    for b in range(b0, b1):
        source, target = x[b], y[b]
        for j in range(target.size):
            target[j] += source[j]


@inlined
def clear_starts(starts, t, dstate, b0, b1):
    """Where a sequence starts at step t, no gradient passes to the state before. dstate : (S, B, H)."""
    for s in range(dstate.shape[0]):
        for b in range(b0, b1):
            if starts[t, b]:
                dstate[s, b, :] = 0


@inlined
def interpolate(u, candidate, previous, state):
    """The gated units' new state: u * c~ + (1 - u) * c', as c' + u * (c~ - c'). All (H,), those of one row."""
    for j in range(state.size):
        state[j] = previous[j] + u[j] * (candidate[j] - previous[j])


@inlined
def backward_interpolate(u, candidate, previous, dc):
    """The way back: u and c~ become the gradients of their pre-activations, dc that of c' by way of 1 - u."""
    for j in range(dc.size):
        du = through_logistic(dc[j] * (candidate[j] - previous[j]), u[j])
        candidate[j] = through_tanh(dc[j] * u[j], candidate[j])
        dc[j] -= dc[j] * u[j]
        u[j] = du
