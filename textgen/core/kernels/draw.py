"""Drawing token ids from logits, in float64."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from textgen.core.kernels.activations import exp_below_zero
from textgen.core.kernels.largest import largest
from textgen.core.runtime.jit import inlined, inlined_reduction, kernel

_BLOCK = 64  # weights that are added up at once


class Filters(NamedTuple):
    """What limits a draw. Each is a value that leaves the softmax as it is: 1, 0, 1, 0, -1.

    temperature : the logits are divided by it. Then, in this order, among the tokens that are left:
    top_k : only the k most probable. top_p : only the most probable whose probabilities together reach it (the
    nucleus, Holtzman et al. 2020). min_p : only those with at least this share of the largest probability.
    excluded : an id that is never drawn; leaving it out and renormalising is the same as drawing until it is another.
    """

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    excluded: int


class Space(NamedTuple):
    """What a thread that draws writes in between: the tokens' weights (V,), and the ids (V,) that may be left."""

    weights: np.ndarray
    candidates: np.ndarray


def space(V: int) -> Space:
    """Room to draw one of V tokens."""
    return Space(np.empty(V), np.empty(V, np.int64))


@inlined_reduction
def _sum(x):
    """The sum of the vector x."""
    total = 0.0
    for j in range(x.size):
        total += x[j]
    return total


@inlined
def _sum_of_blocks(x):
    """The sum of the vector x, block by block, as `_drawn` adds it up."""
    total = 0.0
    for first in range(0, x.size, _BLOCK):
        total += _sum(x[first : first + _BLOCK])
    return total


@inlined
def _largest_but_one(logits, excluded):
    """The largest logit of a token that may be drawn, as float64; NaN is passed over or is the largest."""
    if excluded < 0:
        return np.float64(largest(logits))
    before, after = largest(logits[:excluded]), largest(logits[excluded + 1 :])
    return np.float64(before if before > after else after)


@inlined
def _fill_weights(logits, shift, temperature, excluded, weights):
    """weights[j] = exp((logits[j] - shift) / temperature), 0 for the excluded token; their sum is returned."""
    for j in range(weights.size):
        weights[j] = np.float64(logits[j]) - shift
    if temperature != 1:
        for j in range(weights.size):
            weights[j] /= temperature
    for j in range(weights.size):
        weights[j] = exp_below_zero(weights[j])
    if excluded >= 0:
        weights[excluded] = 0
    return _sum_of_blocks(weights)


@inlined
def _least_candidate(weights, total, top_k, top_p):
    """A weight that none of those which top-k and top-p leave is below; so that few need be sorted."""
    V = weights.size
    if 0 < top_k < V:
        # Each of the first top_k stretches of this size has a weight that is not below the least of their largest.
        size = V // top_k
        least = 1.0
        for first in range(0, top_k * size, size):
            least = min(least, largest(weights[first : first + size]))
        return least
    return (1 - top_p) * total / V  # the weights below it are together less than (1 - top_p) * total


@inlined
def _precedes(weights, i, j):
    """Whether id i is more probable than id j; of equals the smaller comes first."""
    return weights[i] > weights[j] or (weights[i] == weights[j] and i < j)


@inlined
def _sift_down(heap, size, weights, place):
    """Let the id at `place` of a heap of ids sink until it precedes both its children."""
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and _precedes(weights, heap[child + 1], heap[child]):
            child += 1
        if not _precedes(weights, heap[child], heap[place]):
            break
        heap[place], heap[child] = heap[child], heap[place]
        place = child


@inlined
def _rank(heap, weights, most, limit):
    """Put the most probable ids of `heap` at its end, the first one last; their number is returned.

    As many as `most`, or until their weights reach `limit`.
    """
    size = heap.size
    for place in range(size // 2 - 1, -1, -1):
        _sift_down(heap, size, weights, place)
    reached = 0.0
    while size > heap.size - most and reached < limit:
        size -= 1
        heap[0], heap[size] = heap[size], heap[0]
        reached += weights[heap[size]]
        _sift_down(heap, size, weights, 0)
    return heap.size - size


@inlined
def _keep_most_probable(weights, total, top_k, top_p, candidates):
    """Set all weights to 0 but those that top-k and top-p leave; equal weights are ranked by id, the smaller first."""
    least, count = _least_candidate(weights, total, top_k, top_p), 0
    for j in range(weights.size):
        if weights[j] >= least:
            candidates[count] = j
            count += 1
    is_top_k = 0 < top_k < weights.size
    limit = np.inf if is_top_k or top_p == 1 else top_p * total
    ranked = _rank(candidates[:count], weights, min(top_k, count) if is_top_k else count, limit)
    if is_top_k:
        limit = 0.0
        for n in range(ranked):
            limit += weights[candidates[count - 1 - n]]
        limit *= top_p
    reached = 0.0
    for n in range(ranked):
        idx = candidates[count - 1 - n]
        reached += weights[idx]
        weights[idx] = -weights[idx]  # to be kept
        if top_p < 1 and reached >= limit:
            break
    for j in range(weights.size):
        weights[j] = -weights[j] if weights[j] < 0 else 0.0


@inlined
def _filter(weights, total, filters, candidates):
    """Set the weights to 0 that the filters rule out; the sum of those left is returned. The largest weight is 1."""
    if 0 < filters.top_k < weights.size or filters.top_p < 1:
        _keep_most_probable(weights, total, filters.top_k, filters.top_p, candidates)
        total = _sum_of_blocks(weights)
    if filters.min_p > 0:
        for j in range(weights.size):
            weights[j] = weights[j] if weights[j] >= filters.min_p else 0.0
        total = _sum_of_blocks(weights)
    return total


@kernel
def find_weights(logits, filters, space):
    """The distribution that a token is drawn from, for the logits (V,) of one row: space.weights, not yet normalised.

    The excluded token is left out first; equal probabilities are ranked by id, the smaller first.
    """
    shift = _largest_but_one(logits, filters.excluded)
    total = _fill_weights(logits, shift, filters.temperature, filters.excluded, space.weights)
    _filter(space.weights, total, filters, space.candidates)


@inlined
def _drawn(weights, limit):
    """The first id up to which the weights add up to more than `limit`; the last with any weight if none do."""
    first, reached = 0, 0.0
    while first + _BLOCK < weights.size:
        block = _sum(weights[first : first + _BLOCK])
        if reached + block > limit:
            break
        reached += block
        first += _BLOCK
    for j in range(first, weights.size):
        reached += weights[j]
        if reached > limit:
            return j
    last = weights.size - 1
    while last > 0 and not weights[last] > 0:
        last -= 1
    return last


@inlined
def _most_probable(weights):
    """The first id of weight 1, the largest there is."""
    for j in range(weights.size):
        if weights[j] == 1:
            return j
    return 0


@inlined
def _log_probability(logits, idx, shift, total, excluded):
    """log softmax(logits)[idx], where `total` is the sum of exp(logit - shift) over all tokens but the excluded one."""
    log_total = math.log(total)
    if excluded >= 0:
        above = logits[excluded] - shift - log_total
        log_total += max(above, 0.0) + math.log1p(math.exp(-abs(above)))
    return logits[idx] - shift - log_total


@inlined
def log_softmax_of(logits, idx, weights):
    """log softmax(logits)[idx], in nats; weights (V,) is written over."""
    shift = np.float64(largest(logits))
    total = _fill_weights(logits, shift, 1.0, -1, weights)
    return logits[idx] - shift - math.log(total)


@kernel
def draw(logits, uniforms, filters, space, ids, log_probabilities, b0, b1):
    """Draw one token for each of the rows b0:b1 by inverting the cumulative distribution.

    logits : (B, V). uniforms : (B,) float64 in [0, 1); below 0: the most probable token is taken.
    ids : (B,) int32, out. log_probabilities : (B,) float64, out: of each drawn token, in nats, under the whole softmax
    of the logits as they are, without filters.
    """
    weights, excluded = space.weights, filters.excluded
    for b in range(b0, b1):
        row = logits[b]
        shift = _largest_but_one(row, excluded)
        whole = total = _fill_weights(row, shift, filters.temperature, excluded, weights)
        total = _filter(weights, total, filters, space.candidates)
        chosen = _most_probable(weights) if uniforms[b] < 0 else _drawn(weights, uniforms[b] * total)
        if filters.temperature != 1:
            whole = _fill_weights(row, shift, 1.0, excluded, weights)
        ids[b] = chosen
        log_probabilities[b] = _log_probability(row, chosen, shift, whole, excluded)
