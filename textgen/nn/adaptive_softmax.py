"""The output layer for a large vocabulary: a softmax over common tokens and clusters, then one within a cluster.

P(w) = P(w's column in the head), for a token of the short list; else P(cluster) P(w | cluster). Most tokens of a text
are in the short list, so that most rows are multiplied by the head's columns alone; and P still sums to one.

Source: Grave et al. 2017 (arXiv:1609.04309). Unlike there, rare clusters do not see fewer dimensions of the hidden
vector: the few tokens in them take little time here, and so the whole matrix can be a tied embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from textgen.core.kernels.clusters import add_gathered_rows, column_ranges, gather_rows
from textgen.core.runtime.buffers import empty
from textgen.nn.connections import Product
from textgen.nn.layer import Layer, Parameter, Window
from textgen.nn.layers import Softmax


@dataclass(frozen=True)
class _Targets:
    """What a softmax over some of the columns reads: a window of which only the targets count."""

    inputs: np.ndarray
    starts: np.ndarray
    targets: np.ndarray


class _Memory:
    """Memory that is used again, and grows to the most that was ever asked for."""

    def __init__(self, dtype: np.dtype) -> None:
        self._numbers = empty((0,), dtype)

    def array(self, shape: tuple[int, ...]) -> np.ndarray:
        """An uninitialised array, in place of the one before."""
        size = prod(shape)
        if self._numbers.size < size:
            self._numbers = empty((size,), self._numbers.dtype)
        return self._numbers[:size].reshape(shape)


class _Gathered(Layer):
    """Rows of the layer below, those of the tokens in one cluster, side by side: (1, n, columns)."""

    def __init__(self, below: Layer) -> None:
        super().__init__(below.columns, below.dtype)
        self.below, self.places = below, np.empty(0, np.int64)
        self._output, self._doutput = _Memory(self.dtype), _Memory(self.dtype)

    def allocate(self, T: int, B: int, training: bool) -> None:
        self.output = self._output.array((T, B, self.columns))
        if training:
            self.doutput = self._doutput.array((T, B, self.columns))

    def forward(self, window: Window, b0: int, b1: int) -> None:
        gather_rows(self.below.output, self.places, self.output, b0, b1)

    def backward(self, window: Window, b0: int, b1: int) -> None:
        add_gathered_rows(self.doutput, self.places, self.below.doutput, b0, b1)


class _Cluster(Softmax):
    """The softmax over the tokens of one cluster, for those n places of a window whose target is among them.

    output : (1, n, tokens of the cluster). The places go by row, then by step, so that the window's rows b0:b1 have
    the places firsts[b0]:firsts[b1].
    """

    def __init__(self, below: Layer, whole: Product, bias: Parameter, columns: tuple[int, int]) -> None:
        self._gathered = _Gathered(below)
        super().__init__(Product(self._gathered, whole.weight.columns(*columns)), _part(bias, columns))
        self._output = _Memory(self.dtype)
        self.firsts = [0]

    def allocate(self, T: int, B: int, training: bool) -> None:
        self._gathered.allocate(T, B, training)
        self.output = self.doutput = self._output.array((T, B, self.columns))
        self.training, self.losses = training, np.empty((T, B))

    def find(self, window: Window, first: int, last: int, training: bool) -> None:
        """Find the places of a window whose target is one of the ids first:last."""
        targets = window.targets
        B = targets.shape[1]
        rows, steps = np.nonzero(((targets >= first) & (targets < last)).T)
        self.firsts = np.searchsorted(rows, np.arange(B + 1)).tolist()
        self._gathered.places = steps * B + rows
        within = (targets[steps, rows] - np.int32(first))[None]
        self._window = _Targets(within, np.zeros(within.shape, np.bool_), within)
        self.allocate(1, rows.size, training)

    def forward_rows(self, losses: np.ndarray, b0: int, b1: int) -> None:
        """Add what it takes to find the token within the cluster to the losses (T, B) of the window's rows b0:b1."""
        first, last = self.firsts[b0], self.firsts[b1]
        if first < last:
            self._gathered.forward(self._window, first, last)
            self.forward(self._window, first, last)
            losses.reshape(-1)[self._gathered.places[first:last]] += self.losses[0, first:last]

    def backward_rows(self, b0: int, b1: int) -> None:
        """Add this cluster's part to the rows b0:b1 of the gradient of the layer below."""
        first, last = self.firsts[b0], self.firsts[b1]
        if first < last:
            self.backward(self._window, first, last)
            self._gathered.backward(self._window, first, last)

    def add_gradients(self, window: Window, part: int, parts: int) -> None:
        if self.firsts[-1] > 0:
            super().add_gradients(self._window, part, parts)


class AdaptiveSoftmax(Softmax):
    """The output layer in clusters. connection, bias : of all K + V columns, as core/kernels/clusters.py orders them.

    output : (T, B, K + short list), the head's logits alone; in training their gradient. losses, `scale` : as in
    Softmax. Call `begin` for each window before the threads go forward.
    """

    def __init__(self, connection: Product, bias: Parameter, cutoffs: Sequence[int]) -> None:
        super().__init__(connection, bias)
        head, *tails = column_ranges(cutoffs, self.columns)
        self.cutoffs = np.array(cutoffs, np.int64)
        self._head = Softmax(Product(connection.below, connection.weight.columns(*head)), _part(bias, head))
        self._clusters = [_Cluster(connection.below, connection, bias, tail) for tail in tails]

    def allocate(self, T: int, B: int, training: bool) -> None:
        self.training = training
        self._head.allocate(T, B, training)
        self.output, self.doutput, self.losses = self._head.output, self._head.doutput, self._head.losses

    def begin(self, window: Window) -> None:
        K, targets = self.cutoffs.size, window.targets
        cluster = np.searchsorted(self.cutoffs, targets, side="right")  # 0: none; else one more than its column
        in_head = np.where(cluster > 0, cluster - 1, np.where(targets < 0, targets, targets + K)).astype(np.int32)
        self._head_window = _Targets(window.inputs, window.starts, in_head)
        self._head.scale = self.scale
        borders = [*self.cutoffs.tolist(), self.columns - K]
        for layer, (first, last) in zip(self._clusters, pairwise(borders), strict=True):
            layer.scale = self.scale
            layer.find(window, first, last, self.training)

    def forward(self, window: Window, b0: int, b1: int) -> None:
        self._head.forward(self._head_window, b0, b1)
        for cluster in self._clusters:
            cluster.forward_rows(self.losses, b0, b1)

    def backward(self, window: Window, b0: int, b1: int) -> None:
        self._head.backward(self._head_window, b0, b1)
        for cluster in self._clusters:
            cluster.backward_rows(b0, b1)

    def add_gradients(self, window: Window, part: int, parts: int) -> None:
        for layer in (self._head, *self._clusters):
            layer.add_gradients(self._head_window, part, parts)


def _part(bias: Parameter, columns: tuple[int, int]) -> Parameter:
    first, last = columns
    return Parameter(bias.value[first:last], None if bias.gradient is None else bias.gradient[first:last])
