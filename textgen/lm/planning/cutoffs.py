"""Where a vocabulary is cut into a short list and clusters, for the adaptive softmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from textgen.core.kernels.clusters import column_ranges
from textgen.nn.config import NetworkConfig
from textgen.text.tokens.vocabulary import EOS_ID

# With 5,000 tokens an LSTM of 2 x 256 units trains twice as fast in clusters, with 33,278 more than four times
# (tests/benchmarks/adaptive.py). It also learns more from each token. Held-out perplexities, tied: on the 6,473 words
# of pride.txt (1 x 96 units) 103 instead of 117 after five epochs, and lower after each one; on the 33,278 of
# WikiText-2 (2 x 256 units) 342 instead of 375 after 900,000 tokens.
_MOST_FULL = 5_000  # tokens whose softmax is computed in full, unless asked otherwise
_MOST_CLUSTERS = 4
_CLUSTER = 16  # columns of the head that take as long as what is done once for a cluster, some 0.1 ms a window
_CANDIDATES = 300  # of ids to cut at, the higher the further apart


def settle_softmax(network: NetworkConfig, counts: Sequence[int]) -> NetworkConfig:
    """`network` with its softmax chosen: "full", or "adaptive" with its cutoffs.

    counts : of each id in the text, falling from id 2 on.
    """
    if network.softmax == "full" or (network.softmax == "auto" and not network.cutoffs and len(counts) <= _MOST_FULL):
        return replace(network, softmax="full")
    cutoffs = network.cutoffs or choose_cutoffs(counts)
    return replace(network, softmax="adaptive" if cutoffs else "full", cutoffs=cutoffs)


def choose_cutoffs(counts: Sequence[int]) -> tuple[int, ...]:
    """The ids that the clusters begin with, at most 4; () if there is nothing to be cut.

    counts : as in `settle_softmax`. `<unk>` and `<eos>` are always in the short list.
    They are chosen so that a token of the text takes the fewest multiplications on average. It costs the columns of
    the head, and those of its cluster, if it is in one. The least sum over the candidates is found by dynamic
    programming, from the last cluster to the first.
    """
    V, total = len(counts), sum(counts)
    first = EOS_ID + 1
    if first >= V or not total:
        return ()
    ids = np.unique(np.geomspace(first, V, _CANDIDATES).round().astype(np.int64))
    below = np.concatenate([[0], np.cumsum(counts)])[ids] / total  # the share of the text below each candidate
    sizes, shares = ids - ids[:, None], below - below[:, None]
    cluster = np.where(sizes > 0, sizes * shares + 1 + _CLUSTER, np.inf)  # [i, j]: from candidate i to candidate j
    rest, plans = cluster[:, -1], []
    followers: list[np.ndarray] = []
    for _ in range(_MOST_CLUSTERS):
        start = int(np.argmin(ids + rest))
        plans.append((float(ids[start] + rest[start]), _places(start, followers)))
        both = cluster + rest
        followers.append(both.argmin(axis=1))
        rest = both.min(axis=1)
    _, places = min(plans)
    return tuple(ids[places].tolist())


def _places(start: int, followers: list[np.ndarray]) -> list[int]:
    """The candidate `start`, and those that follow it, with one cluster less each time."""
    places = [start]
    for after in reversed(followers):
        places.append(int(after[places[-1]]))
    return places


def mean_columns(cutoffs: Sequence[int], counts: Sequence[int]) -> float:
    """How many logits are computed for a token of the text on average."""
    borders, total = (*cutoffs, len(counts)), max(1, sum(counts))
    shares = [sum(counts[first:last]) / total for first, last in pairwise(borders)]
    (_, head), *clusters = column_ranges(cutoffs, len(cutoffs) + len(counts))
    return head + sum(share * (last - first) for share, (first, last) in zip(shares, clusters, strict=True))
