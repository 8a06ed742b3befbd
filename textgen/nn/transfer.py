"""The parameters of one network given to another one, whose tokens may be others."""

from __future__ import annotations

import numpy as np

from textgen.nn.network import Network
from textgen.nn.parameters import Role


def transfer(old: Network, new: Network, sources: np.ndarray) -> np.ndarray:
    """Give `new` the parameters of `old`, which has the same layers; where they belong to a token, that token's.

    sources : (V,) of `new`, the id in `old` of each token; negative: it is not there, and what belongs to it stays.
    Tokens of a cluster of `new` all come from one cluster of `old`, or are all new: then the cluster is.
    Returns the columns of the output that are new, (n,).
    """
    rows, columns = sources, _columns(old, new, sources)
    for name, declared in new.declared.items():
        value, given = new.parameters[name], old.parameters[name]
        if name == "output.weight":
            value[:, columns >= 0] = given[:, columns[columns >= 0]]
        elif name == "output.bias" or declared.role is Role.TIED:
            value[columns >= 0] = given[columns[columns >= 0]]
        elif declared.role is Role.LOOKED_UP:
            value[rows >= 0] = given[rows[rows >= 0]]
        else:
            value[:] = given
    return np.flatnonzero(columns < 0)


def _columns(old: Network, new: Network, sources: np.ndarray) -> np.ndarray:
    """The column of the old output that each new one comes from, clusters first; negative: none."""
    before = np.array(old.config.cutoffs, np.int64)
    first = sources[np.array(new.config.cutoffs, np.int64)]  # of each cluster
    clusters = np.where(first < 0, -1, np.searchsorted(before, first, side="right") - 1)
    return np.concatenate([clusters, np.where(sources < 0, -1, sources + before.size)])
