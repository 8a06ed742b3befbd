"""Dropout: masks that are drawn by a counter. Each is a function of its seed, place, step and row, and of nothing else.

So each thread draws the masks of its own rows. They are the same for any number of threads, whatever the other rows.
On the way back they are drawn once more, which takes less time than to store and read them.

The generator is Philox4x32-10. Source: Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from textgen.core.runtime.buffers import empty
from textgen.core.runtime.jit import inlined, kernel

_ROUNDS = 10
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)  # a word; its bits
_FIRST_STEP = np.uint64(0)


class _Source(NamedTuple):
    """What the masks of one place are drawn by, as kernels take it.

    key0, key1, step : words, as uint64. threshold : what is below it is dropped, of 2 ** 32. each_step : whether the
    masks of time steps differ.
    """

    key0: np.uint64
    key1: np.uint64
    step: np.uint64
    threshold: np.uint64
    each_step: bool


@inlined
def philox(c0, c1, c2, c3, key0, key1):
    """Four random words, for a counter of four and a key of two; words are uint64 below 2 ** 32."""
    for _ in range(_ROUNDS):
        product0, product1 = _MULTIPLIER_0 * c0, _MULTIPLIER_1 * c2
        c0, c1 = (product1 >> _HALF) ^ c1 ^ key0, product1 & _LOW
        c2, c3 = (product0 >> _HALF) ^ c3 ^ key1, product0 & _LOW
        key0, key1 = (key0 + _WEYL_0) & _LOW, (key1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@inlined
def _draw(source, t, row, scale, mask):
    """Set each entry of `mask` to `scale`, or, where it is dropped, to zero.

    mask : (4 n,). Word k of block i decides on the entry k * n + i.
    """
    n, zero = mask.size // 4, mask.dtype.type(0)
    first, second, third, fourth = mask[:n], mask[n : 2 * n], mask[2 * n : 3 * n], mask[3 * n :]
    for i in range(n):
        words = philox(np.uint64(i), t, row, source.step, source.key0, source.key1)
        first[i] = scale if words[0] >= source.threshold else zero
        second[i] = scale if words[1] >= source.threshold else zero
        third[i] = scale if words[2] >= source.threshold else zero
        fourth[i] = scale if words[3] >= source.threshold else zero


@kernel
def _multiply_rows(source, scale, x, masks, y, b0, b1):
    for t in range(y.shape[0]):
        for b in range(b0, b1):
            values, mask, target = x[t, b], masks[b], y[t, b]
            if t == 0 or source.each_step:
                _draw(source, np.uint64(t), np.uint64(b), scale, mask)
            for j in range(target.size):
                target[j] = values[j] * mask[j]


@kernel
def _draw_scales(source, scale, ids, scales, b0, b1):
    zero = scales.dtype.type(0)
    for t in range(ids.shape[0]):
        for b in range(b0, b1):
            time = np.uint64(t) if source.each_step else _FIRST_STEP
            word = philox(np.uint64(ids[t, b]) & _LOW, time, np.uint64(b), source.step, source.key0, source.key1)[0]
            scales[t, b] = scale if word >= source.threshold else zero


class Masks:
    """The masks of one place in a network: entries are zero with probability `rate`, the others 1 / (1 - rate).

    A mask is a function of (seed, place), the step, the row, and, if they differ, the time step.
    """

    def __init__(self, dropout: Dropout, place: int, rate: float) -> None:
        self._dropout, self._scale = dropout, 1 / (1 - rate)
        self._key0, self._key1 = map(np.uint64, np.random.SeedSequence((dropout.seed, place)).generate_state(2))
        self._threshold = np.uint64(round(rate * 2**32))

    def multiply_rows(self, x: np.ndarray, room: np.ndarray, y: np.ndarray, b0: int, b1: int) -> None:
        """Set y to x times its mask for the rows b0:b1; x, y : (T, B, N), may be the same. room : of `room_for`."""
        _multiply_rows(self._source(), y.dtype.type(self._scale), x, room, y, b0, b1)

    def draw_scales(self, ids: np.ndarray, scale: float, scales: np.ndarray, b0: int, b1: int) -> None:
        """Set scales to `scale` times the mask of each token for the rows b0:b1; ids, scales : (T, B).

        With one mask for the whole window a token has the same wherever it occurs in the row.
        """
        _draw_scales(self._source(), scales.dtype.type(scale * self._scale), ids, scales, b0, b1)

    def _source(self) -> _Source:
        step, each_step = np.uint64(self._dropout.step), self._dropout.each_step
        return _Source(self._key0, self._key1, step, self._threshold, each_step)


@dataclass
class Dropout:
    """What is dropped in a network, and what the masks are drawn by.

    units : the share of each layer's units. words : the share of whole tokens of the input. each_step : a new mask for
    each time step of a window (Srivastava et al. 2014); else one for a row's whole window, in which a token is then
    dropped wherever it occurs (Gal and Ghahramani 2016, arXiv:1512.05287). seed : int >= 0.
    step : the number of the training step, to be set before each.
    """

    units: float = 0.0
    words: float = 0.0
    each_step: bool = False
    seed: int = 0
    step: int = 0

    def of_words(self) -> Masks | None:
        """The masks of the input's tokens; None where none are dropped."""
        return Masks(self, 0, self.words) if self.words else None

    def of_units(self, place: int) -> Masks | None:
        """The masks of a layer's units; None where none are dropped. place : the layer's number, from 1."""
        return Masks(self, place, self.units) if self.units else None


def room_for(B: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """Memory for a mask of each of B rows."""
    return empty((B, -(-columns // 4) * 4), dtype)
