"""Gradient clipping, the updates and the average of what they lead to, over fixed blocks of the parameter vector.

Threads share out whole blocks. Where these begin follows from the number of parameters alone, and sums over blocks are
taken in their order. So the result is the same for any number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from textgen.core.runtime.buffers import zeros
from textgen.core.runtime.jit import kernel, reduction_kernel
from textgen.core.runtime.threads import Team, share

BLOCK = 16384  # parameters
_LATE = 4  # the power of its number by which a vector weighs in the average
_APART = 8  # updates from one vector that is averaged to the next, so that the average costs next to nothing
SHARED_FROM = 16  # blocks; with fewer, handing over to other threads takes longer (20 us) than it saves


def block_count(size: int) -> int:
    """How many blocks a vector of `size` parameters has."""
    return -(-size // BLOCK)


def _over_blocks(work: Callable[[int, int], None], blocks: int, team: Team) -> None:
    """Call work(first, last) for ranges that make up all blocks; by the calling thread alone where there are few."""
    if blocks < SHARED_FROM:
        work(0, blocks)
    else:
        team.run(lambda part: work(*share(blocks, part, team.threads)))


@reduction_kernel
def _sums_of_squares(vector, sums, first, last):
    """sums[i] = the sum of squares of block i, for the blocks [first, last)."""
    for i in range(first, last):
        block = vector[i * BLOCK : (i + 1) * BLOCK]
        total = 0.0
        for j in range(block.size):
            total += np.float64(block[j]) * np.float64(block[j])
        sums[i] = total


@kernel
def _largest_magnitudes(vector, largest, first, last):
    """largest[i] = the largest absolute entry of block i (NaN if it holds one), for the blocks [first, last)."""
    for i in range(first, last):
        block = vector[i * BLOCK : (i + 1) * BLOCK]
        top = 0.0
        for j in range(block.size):
            magnitude = abs(np.float64(block[j]))
            if not magnitude <= top:
                top = magnitude
            if top != top:
                break
        largest[i] = top


def gradient_size(gradient: np.ndarray, clip_by: str, team: Team) -> float:
    """What clipping compares with its threshold: the L2 norm ('norm') or the largest absolute entry ('value').

    gradient : flat vector. Not finite if any entry is not.
    """
    blocks = block_count(gradient.size)
    parts = np.empty(blocks)
    measure = _sums_of_squares if clip_by == "norm" else _largest_magnitudes
    _over_blocks(partial(measure, gradient, parts), blocks, team)
    return math.sqrt(float(np.add.reduce(parts))) if clip_by == "norm" else float(np.max(parts))


def clip_factor(size: float, threshold: float) -> float:
    """The factor that brings a gradient of `size` down to `threshold` (0: no limit); the direction is kept.

    Source: Pascanu et al. 2013 (arXiv:1211.5063), Algorithm 1, where the size is the global norm. With the largest
    absolute entry as the size, the whole gradient is scaled so that this entry equals the threshold.
    """
    return threshold / size if threshold and size > threshold else 1.0


def _as_numbers(dtype: np.dtype, *values: float) -> list[np.floating]:
    """`values` in the parameters' own type; an absurd rate becomes infinite, and shows in the next loss."""
    with np.errstate(over="ignore"):
        return [dtype.type(value) for value in values]


def _parts(rate: float, weight_decay: float, decaying: int | None) -> list[tuple[slice, float]]:
    """The parts of the vector, and the share of itself that each keeps beside its update."""
    kept = 1 - rate * weight_decay
    if decaying is None or kept == 1:
        return [(slice(None), kept)]
    return [(slice(decaying), kept), (slice(decaying, None), 1.0)]


@kernel
def _adam(parameters, gradient, mean, square, factor, rate, beta1, beta2, correction2, epsilon, kept, first, last):
    """One block range of `Adam.update`; scalars of the vectors' own type."""
    one = parameters.dtype.type(1)
    for i in range(first, last):
        block = slice(i * BLOCK, (i + 1) * BLOCK)
        p, g, m, v = parameters[block], gradient[block], mean[block], square[block]
        for j in range(p.size):
            slope = g[j] * factor
            m[j] = beta1 * m[j] + (one - beta1) * slope
            v[j] = beta2 * v[j] + (one - beta2) * slope * slope
            p[j] = kept * p[j] - rate * m[j] / (np.sqrt(v[j] * correction2) + epsilon)


class Adam:
    """Adam with decoupled weight decay (Kingma and Ba 2015, arXiv:1412.6980; Loshchilov and Hutter 2019).

    decaying : how many parameters, the first ones, decay; None: all. (Biases usually do not.)
    Its state: `mean` and `square`, vectors like the parameters, and the number of updates.
    """

    def __init__(self, size: int, dtype: np.dtype, weight_decay: float = 0.0, decaying: int | None = None) -> None:
        self.mean, self.square = zeros((size,), dtype), zeros((size,), dtype)
        self.updates = 0
        self.weight_decay, self.decaying = weight_decay, decaying
        self.beta1, self.beta2, self.epsilon = 0.9, 0.999, 1e-8

    @property
    def vectors(self) -> dict[str, np.ndarray]:
        """The vectors of its state by name."""
        return {"mean": self.mean, "square": self.square}

    def update(self, parameters: np.ndarray, gradient: np.ndarray, rate: float, factor: float, team: Team) -> None:
        """Change `parameters` in place by one step at learning rate `rate`, against factor * gradient."""
        self.updates += 1
        corrected = rate / (1 - self.beta1**self.updates)
        correction2 = 1 / (1 - self.beta2**self.updates)
        for part, kept in _parts(rate, self.weight_decay, self.decaying):
            vectors = parameters[part], gradient[part], self.mean[part], self.square[part]
            scalars = _as_numbers(
                parameters.dtype, factor, corrected, self.beta1, self.beta2, correction2, self.epsilon, kept
            )
            _over_blocks(partial(_adam, *vectors, *scalars), block_count(vectors[0].size), team)


@kernel
def _momentum(parameters, gradient, velocity, factor, rate, momentum, kept, first, last):
    """One block range of `SGD.update`; scalars of the vectors' own type."""
    for i in range(first, last):
        block = slice(i * BLOCK, (i + 1) * BLOCK)
        p, g, v = parameters[block], gradient[block], velocity[block]
        for j in range(p.size):
            v[j] = momentum * v[j] + factor * g[j]
            p[j] = kept * p[j] - rate * v[j]


class SGD:
    """Gradient descent with momentum (Sutskever et al. 2013, in PyTorch's form); decay is decoupled, as in `Adam`."""

    def __init__(
        self, size: int, dtype: np.dtype, momentum: float = 0.9, weight_decay: float = 0.0, decaying: int | None = None
    ) -> None:
        self.velocity = zeros((size,), dtype)
        self.updates = 0
        self.momentum, self.weight_decay, self.decaying = momentum, weight_decay, decaying

    @property
    def vectors(self) -> dict[str, np.ndarray]:
        """The vectors of its state by name."""
        return {"velocity": self.velocity}

    def update(self, parameters: np.ndarray, gradient: np.ndarray, rate: float, factor: float, team: Team) -> None:
        """Change `parameters` in place by one step at learning rate `rate`, against factor * gradient."""
        self.updates += 1
        for part, kept in _parts(rate, self.weight_decay, self.decaying):
            vectors = parameters[part], gradient[part], self.velocity[part]
            scalars = _as_numbers(parameters.dtype, factor, rate, self.momentum, kept)
            _over_blocks(partial(_momentum, *vectors, *scalars), block_count(vectors[0].size), team)


@kernel
def _approach(average, parameters, share, first, last):
    """One block range of `Average.add`; scalars of the vectors' own type."""
    for i in range(first, last):
        block = slice(i * BLOCK, (i + 1) * BLOCK)
        a, p = average[block], parameters[block]
        for j in range(p.size):
            a[j] += share * (p[j] - a[j])


class Average:
    """The mean of the parameters after every eighth update, each weighed by the fourth power of its number, nearly.

    So half of the weight is on the last eighth of the updates, whether there have been hundreds or thousands.
    Source: polynomial-decay averaging, Shamir and Zhang 2013 (arXiv:1212.1824), with eta = 4.
    vector : the mean, zero before the eighth update.
    """

    def __init__(self, size: int, dtype: np.dtype) -> None:
        self.vector = zeros((size,), dtype)

    def add(self, parameters: np.ndarray, updates: int, team: Team) -> None:
        """Take in the parameters after so many updates, 1 or more."""
        number, between = divmod(updates, _APART)
        if not between:
            [share] = _as_numbers(parameters.dtype, (_LATE + 1) / (number + _LATE))
            _over_blocks(partial(_approach, self.vector, parameters, share), block_count(parameters.size), team)

    @staticmethod
    def is_begun(updates: int) -> bool:
        """Whether there is a mean after so many updates."""
        return updates >= _APART
