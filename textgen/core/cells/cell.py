"""What a recurrent cell is to the rest of the program.

Sizes: T steps, B rows, H hidden units, G gates, S states, R recurrent products. A cell's kernels run over the rows
b0:b1 of a window; all arrays belong to the whole batch and are C-contiguous:

gates : (T, B, G * H). Forward: in, the input's part of the pre-activations (W x + b); out, the activated gates.
    Backward: in, the activated gates; out, the gradient with respect to the pre-activations.
states : (S, T + 1, B, H). states[:, 0] is the state before the window, states[:, t + 1] the one after step t;
    states[0] is what the next layer sees.
sources : (R, T, B, H), out: what each recurrent product multiplied at each step (zero where a sequence starts).
starts : (T, B) bool: here the state before the step is zero, and no gradient passes.
weights : a tuple of R packed matrices, the recurrent weights (forward) or their transposes (backward).
peephole : (P, H), one weight per unit for each gate that sees the previous memory; P = 0 for most cells.
doutput : (T, B, H), the gradient that reaches states[0] from above; afterwards anything.
dstate : (S, B, H). In: the gradient that reaches the last states from the window after; out: that of the state before.
crew : the threads that share these rows; ALONE where each thread has rows of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: its shape and its two kernels.

    forward(gates, states, sources, starts, weights, peephole, b0, b1, crew)
    backward(gates, states, sources, starts, weights, peephole, doutput, dstate, b0, b1)
    """

    gates: tuple[str, ...]  # by the paper's letters, in the order of the columns
    products: tuple[int, ...]  # how many gates each recurrent product feeds; together all of them, in order
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    states: int = 1
    peepholes: tuple[str, ...] = ()  # the gates that see the previous memory, in the order of the rows
    forget: str | None = None  # the gate whose bias starts at 1
