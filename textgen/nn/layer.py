"""What all layers of a network have in common, with their buffers for windows of T steps and B rows.

A layer reads the `output` (T, B, N) of the layer below and the window's token ids. On the way back it fills the
`doutput` of the layer below. Each method does a part of its work, so that threads can share it out:

forward, backward : the rows b0:b1. Nothing of one row depends on another.
add_gradients : `part` of `parts` of the columns of each gradient. Runs when all rows have gone backward.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from textgen.core.products.vectors import PANEL_BYTES
from textgen.core.runtime.buffers import empty
from textgen.core.runtime.threads import share


class Window(Protocol):
    """What a network reads: ids and starts of a window of the text.

    inputs : (T, B) int32, the token before each; negative: the zero vector. starts : (T, B) bool, where the state is
    reset. targets : (T, B) int32, the token to predict; negative: none.
    """

    @property
    def inputs(self) -> np.ndarray: ...

    @property
    def starts(self) -> np.ndarray: ...

    @property
    def targets(self) -> np.ndarray: ...


class Parameter:
    """Parameters that are looked up or added, never packed, and their gradient; None where nothing is trained."""

    def __init__(self, value: np.ndarray, gradient: np.ndarray | None) -> None:
        self.value, self.gradient = value, gradient


def nothing(*shape: int, dtype: np.dtype) -> Parameter:
    """Zeros that are not trained, where a layer lacks the parameter."""
    return Parameter(np.zeros(shape, dtype), None)


class Layer:
    """What all layers have in common. `output` and `doutput` : (T, B, columns)."""

    output: np.ndarray
    doutput: np.ndarray

    def __init__(self, columns: int, dtype: np.dtype) -> None:
        self.columns, self.dtype = columns, np.dtype(dtype)

    def allocate(self, T: int, B: int, training: bool) -> None:
        """Make the buffers for windows of T steps and B rows."""
        self.output = empty((T, B, self.columns), self.dtype)
        if training:
            self.doutput = empty((T, B, self.columns), self.dtype)

    def forward(self, window: Window, b0: int, b1: int) -> None:
        """Fill rows b0:b1 of `output`."""
        raise NotImplementedError

    def backward(self, window: Window, b0: int, b1: int) -> None:
        """Take rows b0:b1 of `doutput` down to the layer below."""
        raise NotImplementedError

    def add_gradients(self, window: Window, part: int, parts: int) -> None:
        """Add `part` of `parts` of this layer's gradients to the gradient vector."""

    def _share(self, columns: int, part: int, parts: int) -> tuple[int, int]:
        return share(columns, part, parts, PANEL_BYTES // self.dtype.itemsize)
