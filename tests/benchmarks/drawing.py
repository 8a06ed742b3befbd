"""How the peers draw with NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def draw_rows(probabilities: np.ndarray, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """One index for each row of `probabilities` (B, V)."""
    if len(probabilities) == 1:  # four times as fast as the way for many
        sums = probabilities[0].cumsum()
        return np.array([sums.searchsorted(rng.random() * sums[-1], "right")])
    many = probabilities.cumsum(axis=1)
    ids: npt.NDArray[np.int64] = (many <= rng.random((len(many), 1)) * many[:, -1:]).sum(axis=1)
    return ids
