"""A vocabulary cut into a short list of common tokens and K clusters of rarer ones: kernels for its softmax.

The ids go by falling frequency. `cutoffs` c_1 < ... < c_K are the ids that the clusters begin with; below c_1 is the
short list. The output has K + V columns: first the K clusters, each standing for all its tokens, then the tokens by id.
So head (clusters and short list) and each cluster are ranges of columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from textgen.core.kernels.largest import largest
from textgen.core.kernels.softmax import sum_of_exponentials
from textgen.core.runtime.jit import inlined, kernel


def column_ranges(cutoffs: Sequence[int], columns: int) -> list[tuple[int, int]]:
    """The columns [first, last) of the head and of each cluster, `columns` in all."""
    borders = [0, *(len(cutoffs) + cutoff for cutoff in cutoffs), columns]
    return list(pairwise(borders))


@kernel
def gather_rows(x, places, gathered, first, last):
    """gathered[0, i] = x[t, b] for i in first:last, where places[i] = t * B + b.

    x : (T, B, N). places : (n,) int64. gathered : (1, n, N).
    """
    B = x.shape[1]
    for i in range(first, last):
        source, target = x[places[i] // B, places[i] % B], gathered[0, i]
        for j in range(target.size):
            target[j] = source[j]


@kernel
def add_gathered_rows(gathered, places, x, first, last):
    """x[t, b] += gathered[0, i] for i in first:last, one after the other; arguments as in `gather_rows`."""
    B = x.shape[1]
    for i in range(first, last):
        source, target = gathered[0, i], x[places[i] // B, places[i] % B]
        for j in range(target.size):
            target[j] += source[j]


@inlined
def _log_total(logits):
    """log(sum(exp(logits)))."""
    shift = largest(logits)
    return shift + math.log(sum_of_exponentials(logits, shift))


@inlined
def join_clusters(logits, cutoffs, joint):
    """joint[idx] = log P(idx), nats, for one row: log P(its cluster) + log P(idx | its cluster), exactly normalised.

    logits : (K + V,). cutoffs : (K,) int64, K >= 1. joint : (V,), overwritten.
    """
    K, V = cutoffs.size, joint.size
    short = cutoffs[0]
    total = _log_total(logits[: K + short])
    for j in range(short):
        joint[j] = logits[K + j] - total
    for k in range(K):
        first, last = cutoffs[k], cutoffs[k + 1] if k + 1 < K else V
        within = logits[K + first : K + last]
        offset = (logits[k] - total) - _log_total(within)
        target = joint[first:last]
        for j in range(target.size):
            target[j] = within[j] + offset
