"""Memory for the kernels: arrays that begin with a cache line.

Vectors are as long as a line; in an array from NumPy, which begins anywhere, each would lie across two.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

_LINE = 64  # bytes


def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """As np.empty."""
    return _aligned(np.empty, shape, dtype)


def zeros(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """As np.zeros."""
    return _aligned(np.zeros, shape, dtype)


def _aligned(new: Callable[..., np.ndarray], shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    dtype, size = np.dtype(dtype), math.prod(shape)
    memory = new(size + _LINE // dtype.itemsize, dtype)
    first = -memory.ctypes.data % _LINE // dtype.itemsize
    return memory[first : first + size].reshape(shape)
