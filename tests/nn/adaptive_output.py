"""An adaptive softmax over random vectors, without a network around it: its losses and gradients, given targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.core.clustered import log_probabilities
from textgen.core.products.weight import Weight
from textgen.core.runtime.threads import Team, share
from textgen.nn.adaptive_softmax import AdaptiveSoftmax
from textgen.nn.connections import Product
from textgen.nn.layer import Layer, Parameter

V, H = 43, 21
CUTOFFS = [(2,), (7,), (42,), (5, 20), (2, 3, 40), (9, 10, 11, 12)]


@dataclass(frozen=True)
class Targets:
    """A window of which only the targets count."""

    targets: np.ndarray
    inputs: np.ndarray
    starts: np.ndarray


def window_of(targets: np.ndarray | list[list[int]]) -> Targets:
    """The window of these targets (T, B)."""
    ids = np.array(targets, np.int32)
    return Targets(ids, ids, np.zeros(ids.shape, np.bool_))


def random_targets(T: int, B: int, seed: int = 0) -> np.ndarray:
    """Targets of all clusters, some negative."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, V, (T, B)).astype(np.int32)
    targets[rng.random((T, B)) < 0.1] = -1
    return targets


class Output:
    """An output layer over a layer of random vectors.

    parameters : random, the matrix in the orientation (H, columns), or transposed.
    """

    def __init__(self, cutoffs: Sequence[int], dtype: type[np.floating], transposed: bool = False) -> None:
        rng, columns = np.random.default_rng(len(cutoffs)), len(cutoffs) + V
        shape = (columns, H) if transposed else (H, columns)
        self.matrix = (rng.normal(size=shape) / np.sqrt(H)).astype(dtype)
        self.bias = rng.normal(size=columns).astype(dtype)
        self.dmatrix, self.dbias = np.zeros_like(self.matrix), np.zeros_like(self.bias)
        self.below = Layer(H, np.dtype(dtype))
        weight = Weight(self.matrix, self.dmatrix, False, transposed)
        self.layer = AdaptiveSoftmax(Product(self.below, weight), Parameter(self.bias, self.dbias), cutoffs)
        self.weight = self.matrix.T if transposed else self.matrix
        self.dweight = self.dmatrix.T if transposed else self.dmatrix

    def see(self, T: int, B: int, seed: int = 3) -> np.ndarray:
        """The random vectors x (T, B, H) that it rests on."""
        x = np.random.default_rng(seed).normal(size=(T, B, H)).astype(self.matrix.dtype)
        self.below.output, self.below.doutput = x, np.full_like(x, 7)
        return x

    def forward(self, targets: np.ndarray, training: bool = False) -> np.ndarray:
        """The losses of a window."""
        T, B = targets.shape
        self.layer.allocate(T, B, training)
        self.layer.begin(window_of(targets))
        self.layer.forward(window_of(targets), 0, B)
        return self.layer.losses.copy()

    def train(self, targets: np.ndarray, scale: float = 0.5, threads: int = 1) -> list[np.ndarray]:
        """Losses, and the gradients of the vectors, the matrix and the bias."""
        (T, B), window, layer = targets.shape, window_of(targets), self.layer
        layer.allocate(T, B, True)
        layer.scale = scale
        layer.begin(window)
        self.dmatrix[:], self.dbias[:] = 0, 0

        def over_rows(part: int) -> None:
            rows = share(B, part, threads)
            layer.forward(window, *rows)
            layer.backward(window, *rows)

        with Team(threads) as team:
            team.run(over_rows)
            team.run(lambda part: layer.add_gradients(window, part, threads))
        return [a.copy() for a in (layer.losses, self.below.doutput, self.dweight, self.dbias)]

    def expected(self, cutoffs: Sequence[int], x: np.ndarray) -> np.ndarray:
        """The log-probabilities of all ids, (T, B, V), longhand."""
        logits = x.astype(np.float64) @ self.weight.astype(np.float64) + self.bias.astype(np.float64)
        return np.array([[log_probabilities(row.tolist(), cutoffs) for row in step] for step in logits])
