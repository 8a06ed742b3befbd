"""Looking rows up is a product with one-hot vectors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.cases import largest_difference
from textgen.core.kernels.lookup import add_lookup_gradients, look_up_rows

T, B, V, N = 4, 5, 7, 37


def ids_and_one_hot() -> tuple[np.ndarray, np.ndarray]:
    """Ids (T, B), some of them negative and all of them more than once, and their one-hot vectors (T, B, V)."""
    ids = np.random.default_rng(1).integers(-1, V, (T, B)).astype(np.int32)
    return ids, (ids[..., None] == np.arange(V)).astype(np.float64)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_looked_up_rows_and_their_gradients(dtype, tolerance):
    rng = np.random.default_rng(2)
    ids, one_hot = ids_and_one_hot()
    assert (ids < 0).any()
    matrix, dmatrix = rng.normal(size=(2, V, N)).astype(dtype)
    bias, dbias = rng.normal(size=(2, N)).astype(dtype)
    y, dy = rng.normal(size=(2, T, B, N)).astype(dtype)
    before, scales = y.copy(), rng.normal(size=(T, B)).astype(dtype)
    scaled = scales[..., None] * one_hot
    look_up_rows(ids, scales, matrix, bias, y, 1, 4)
    assert largest_difference(y[:, 1:4], (bias + scaled @ matrix)[:, 1:4]) < tolerance
    np.testing.assert_array_equal(y[:, [0, 4]], before[:, [0, 4]])

    expected = dmatrix + np.einsum("tbv,tbn->vn", scaled, dy), dbias + dy.sum(axis=(0, 1), dtype=np.float64)
    before = dmatrix.copy(), dbias.copy()
    add_lookup_gradients(ids, scales, dy, dmatrix, dbias, 5, 33)
    for found, right, untouched in zip((dmatrix, dbias), expected, before, strict=True):
        assert largest_difference(found[..., 5:33], right[..., 5:33]) < tolerance
        for columns in (np.s_[:5], np.s_[33:]):
            np.testing.assert_array_equal(found[..., columns], untouched[..., columns])
