"""A matrix of parameters at work: multiplied by, both ways, and given its gradient, however it is stored."""

from __future__ import annotations

import numpy as np

from textgen.core.products.product import (
    Packed,
    add_weight_gradient,
    compiled_product,
    empty_panels,
    pack,
    pack_and_multiply_rows,
    product_rows,
)

_ROWS_AT_A_TIME = 2048  # of a transposed weight's gradient: the left operand, of as many columns, is packed as a whole


class Weight:
    """A matrix of parameters that rows are multiplied by.

    stored : (K, N), a view of the parameter vector; or (N, K), if `transposed`: one that is also looked up.
    gradient : like `stored`, a view of the gradient vector; None where nothing is trained.
    value : (K, N), `stored` as a right operand.
    kept : `value` packed, if that is to be kept; then `pack` must be called before the first product, and after each
    change of `value`. Else None, and each product packs for itself.
    """

    def __init__(
        self, stored: np.ndarray, gradient: np.ndarray | None, keep_packed: bool, transposed: bool = False
    ) -> None:
        self.stored, self.gradient, self._is_transposed = stored, gradient, transposed
        self.value = stored.T if transposed else stored
        self.kept = _new_packed(self.value) if keep_packed else None

    def columns(self, first: int, last: int) -> Weight:
        """The columns first:last of W, as a weight of which nothing is kept packed."""
        part = (slice(first, last),) if self._is_transposed else (slice(None), slice(first, last))
        gradient = None if self.gradient is None else self.gradient[part]
        return Weight(self.stored[part], gradient, False, self._is_transposed)

    def pack(self) -> None:
        """Renew what is kept packed."""
        if self.kept is not None:
            pack(self.value, self.kept.panels)

    def packed(self) -> Packed:
        """`value`, for x @ W: what is kept, or else made now, for many products."""
        return _packed(self.value) if self.kept is None else self.kept

    def transposed(self) -> Packed:
        """value.T, for dy @ W.T: made now, for many products."""
        return _packed(self.value.T)

    def multiply_rows(self, x: np.ndarray, base: np.ndarray, y: np.ndarray, b0: int, b1: int) -> None:
        """y[:, b] = base[:, b] + x[:, b] @ W for the rows b0:b1. x : (T, B, K). base, y : (T, B, N)."""
        if self.kept is None:
            pack_and_multiply_rows(x, self.stored, self._is_transposed, base, y, b0, b1)
        else:
            product_rows(x, self.kept, base, y, b0, b1)

    def multiply_rows_back(self, dy: np.ndarray, base: np.ndarray, dx: np.ndarray, b0: int, b1: int) -> None:
        """dx[:, b] = base[:, b] + dy[:, b] @ W.T for the rows b0:b1. dy : (T, B, N). base, dx : (T, B, K)."""
        pack_and_multiply_rows(dy, self.stored, not self._is_transposed, base, dx, b0, b1)

    def add_gradient(self, x: np.ndarray, dy: np.ndarray, offset: int, n0: int, n1: int) -> None:
        """Add the columns n0:n1 of x.T @ dy[:, offset : offset + N] to those of the gradient of W.

        x : (M, K). dy : (M, offset + N or more). Each sum has one order, whatever the columns that are asked for.
        """
        assert self.gradient is not None
        if not self._is_transposed:
            add_weight_gradient(x, dy, offset, self.gradient, n0, n1)
            return
        for n in range(n0, n1, _ROWS_AT_A_TIME):
            last = min(n + _ROWS_AT_A_TIME, n1)
            add_weight_gradient(dy[:, offset + n : offset + last], x, 0, self.gradient[n:last], 0, x.shape[1])


def _new_packed(matrix: np.ndarray) -> Packed:
    """Room for `matrix`, not packed yet."""
    inner, columns = matrix.shape
    return Packed(empty_panels(inner, columns, matrix.dtype), compiled_product(matrix.dtype))


def _packed(matrix: np.ndarray) -> Packed:
    packed = _new_packed(matrix)
    pack(matrix, packed.panels)
    return packed
