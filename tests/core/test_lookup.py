"""Looking rows up is a product with one-hot vectors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.cases import largest_difference
from textgen.core.lookup import add_looked_up, add_lookup_gradient

T, B, V, N = 4, 5, 7, 37


def ids_and_one_hot() -> tuple[np.ndarray, np.ndarray]:
    """Ids (T, B), some of them negative and all of them more than once, and their one-hot vectors (T, B, V)."""
    ids = np.random.default_rng(1).integers(-1, V, (T, B)).astype(np.int32)
    return ids, (ids[..., None] == np.arange(V)).astype(np.float64)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_looked_up_and_its_gradient(dtype, tolerance):
    rng = np.random.default_rng(2)
    ids, one_hot = ids_and_one_hot()
    assert (ids < 0).any()
    matrix, dmatrix = rng.normal(size=(2, V, N)).astype(dtype)
    y, dy = rng.normal(size=(2, T, B, N)).astype(dtype)
    expected = y + one_hot @ matrix
    before = y.copy()
    add_looked_up(ids, matrix, y, 1, 4)
    assert largest_difference(y[:, 1:4], expected[:, 1:4]) < tolerance
    np.testing.assert_array_equal(y[:, [0, 4]], before[:, [0, 4]])
    np.testing.assert_array_equal(y[ids < 0], before[ids < 0])

    expected = dmatrix + np.einsum("tbv,tbn->vn", one_hot, dy)
    before = dmatrix.copy()
    add_lookup_gradient(ids, dy, dmatrix, 5, 33)
    assert largest_difference(dmatrix[:, 5:33], expected[:, 5:33]) < tolerance
    np.testing.assert_array_equal(np.delete(dmatrix, np.s_[5:33], 1), np.delete(before, np.s_[5:33], 1))
