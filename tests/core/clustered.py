"""The softmax in clusters, longhand: from the definition alone, one number at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence


def log_softmax(logits: Sequence[float]) -> list[float]:
    """Nats."""
    most = max(logits)
    total = most + math.log(math.fsum(math.exp(v - most) for v in logits))
    return [v - total for v in logits]


def log_probabilities(logits: Sequence[float], cutoffs: Sequence[int]) -> list[float]:
    """Of each id, in nats, from one row of K + V logits: first those of the K clusters, then those of the ids."""
    K = len(cutoffs)
    clusters, tokens = logits[:K], logits[K:]
    borders = [*cutoffs, len(tokens)]
    head = log_softmax([*clusters, *tokens[: borders[0]]])
    found = head[K:]
    for k in range(K):
        found += [head[k] + within for within in log_softmax(tokens[borders[k] : borders[k + 1]])]
    return found
