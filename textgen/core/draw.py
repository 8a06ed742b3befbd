"""Drawing token ids from logits."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from textgen.core.jit import kernel


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


@kernel
def probabilities(logits, filters):
    """The distribution that a token is drawn from, (V,) float64, for the logits (V,) of one row.

    The excluded token is left out first; equal probabilities are ranked by id, the smaller first.
    """
    V = logits.size
    largest = -np.inf
    for j in range(V):
        if j != filters.excluded and logits[j] > largest:
            largest = np.float64(logits[j])
    p = np.empty(V)
    for j in range(V):
        p[j] = 0.0 if j == filters.excluded else math.exp((logits[j] - largest) / filters.temperature)
    total = p.sum()
    if 0 < filters.top_k < V or filters.top_p < 1:
        ranks = np.argsort(-p, kind="mergesort")
        kept = filters.top_k if 0 < filters.top_k < V else V
        limit = 0.0
        for i in range(kept):
            limit += p[ranks[i]]
        limit *= filters.top_p
        reached = 0.0
        for i in range(V):
            if i >= kept or (filters.top_p < 1 and i > 0 and reached >= limit):
                p[ranks[i]] = 0
            reached += p[ranks[i]]
        total = p.sum()
    if filters.min_p > 0:
        for j in range(V):
            if p[j] < filters.min_p:  # the largest entry is 1
                p[j] = 0
        total = p.sum()
    for j in range(V):
        p[j] /= total
    return p


@kernel
def draw(logits, uniforms, filters, ids, log_probabilities):
    """Draw one token a row by inverting the cumulative distribution.

    logits : (B, V). uniforms : (B,) float64 in [0, 1); below 0: the most probable token is taken.
    ids : (B,) int32, out. log_probabilities : (B,) float64, out: of each drawn token, in nats, under the whole softmax
    of the logits as they are, without filters.
    """
    for b in range(logits.shape[0]):
        row = logits[b]
        p = probabilities(row, filters)
        chosen = 0
        if uniforms[b] < 0:
            for j in range(p.size):
                chosen = j if p[j] > p[chosen] else chosen
        else:
            reached = 0.0
            for j in range(p.size):
                if p[j] > 0:
                    chosen = j  # the last one possible, should rounding keep the sum below the uniform number
                    reached += p[j]
                    if uniforms[b] < reached:
                        break
        ids[b] = chosen
        log_probabilities[b] = _log_probability(row, chosen)


@kernel
def _log_probability(logits, idx):
    largest = np.float64(logits[0])
    for j in range(logits.size):
        largest = max(largest, np.float64(logits[j]))
    total = 0.0
    for j in range(logits.size):
        total += math.exp(logits[j] - largest)
    return logits[idx] - largest - math.log(total)
