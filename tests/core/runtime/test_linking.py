"""Kernels called by their address: what they may be given, what they raise, what they leave."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from numba.core.errors import TypingError

from tests.core.processes import run_python
from textgen.core.runtime.jit import kernel
from textgen.core.runtime.linking import Compiled, call


@kernel
def add_scaled(factor, x, y):
    """y += factor * x."""
    for j in range(y.size):
        y[j] += factor * x[j]


@kernel
def set_scaled(factor, x, y):
    """y = factor * x."""
    for j in range(y.size):
        y[j] = factor * x[j]


@kernel
def refuse(factor, x, y):
    """Raise if the factor is negative."""
    if factor < 0:
        raise ValueError("a negative factor")
    y[:] = factor


@kernel
def call_twice(compiled, factor, x, y):
    """Call `compiled` with these arguments, and again."""
    call(compiled, (factor, x, y))
    call(compiled, (factor, x, y))


@kernel
def call_with(compiled, arguments):
    """Call `compiled` with any arguments."""
    call(compiled, arguments)


STRIDED, PACKED = np.ones(6)[::2], np.ones(3)
X = np.array([1.0, 2.0, 4.0])


def frozen(x):
    """The same array, not to be written to."""
    view = x[:]
    view.flags.writeable = False
    return view


def test_what_is_called_is_the_kernel():
    y = np.ones(3)
    call_twice(Compiled(add_scaled, 0.5, PACKED, PACKED), 1.5, X, y)
    np.testing.assert_array_equal(y, [4, 7, 13])


@pytest.mark.parametrize("x", [X, X.repeat(2)[::2], X[::-1].copy()[::-1]])
def test_arrays_of_any_layout_for_a_kernel_that_takes_any(x):
    compiled, whole = Compiled(add_scaled, 0.5, STRIDED, STRIDED), np.ones(7)
    call_twice(compiled, 1.5, x, whole[:3])
    call_twice(compiled, 1.5, x, whole[4:])
    call_twice(compiled, 1.5, x, whole[::2][:3])
    np.testing.assert_array_equal(whole, [7, 7, 19, 1, 16, 7, 13])


def test_one_caller_serves_all_kernels_of_the_same_arguments():
    caller: Any = kernel(call_twice.py_func)  # type: ignore[attr-defined]
    y = np.ones(3)
    for compiled in (add_scaled, set_scaled, refuse):
        caller(Compiled(compiled, 0.5, PACKED, PACKED), 2.0, X, y)
    assert len(caller.signatures) == 1
    np.testing.assert_array_equal(y, [2, 2, 2])


@pytest.mark.parametrize(
    "arguments",
    [
        (0.5, STRIDED, PACKED),  # no C-contiguous array can be made of it without a copy
        (0.5, PACKED.astype(np.float32), PACKED),
        (0.5, PACKED[None], PACKED),
        (PACKED, PACKED, PACKED),
        (0.5, 0.5, PACKED),
        (0.5, frozen(STRIDED), PACKED),
        (0.5, PACKED, frozen(PACKED)),
        (0.5, PACKED),
        (0.5, PACKED, PACKED, PACKED),
    ],
)
def test_other_arguments_are_refused_before_anything_runs(arguments):
    compiled = Compiled(set_scaled, 0.5, PACKED, PACKED)
    with pytest.raises(TypingError):
        call_with(compiled, arguments)


def test_what_the_kernel_raises_the_caller_raises():
    compiled, y = Compiled(refuse, 0.5, PACKED, PACKED), np.ones(3)
    with pytest.raises(ValueError, match="a negative factor"):
        call_twice(compiled, -1.0, X, y)
    np.testing.assert_array_equal(y, 1)
    call_twice(compiled, 2.0, X, y)
    np.testing.assert_array_equal(y, 2)


def test_no_array_is_held_afterwards():
    compiled, x, y = Compiled(add_scaled, 0.5, STRIDED, STRIDED), X.copy(), np.ones(3)
    before = sys.getrefcount(x), sys.getrefcount(y)
    for _ in range(3):
        call_twice(compiled, 1.0, x, y)
        call_twice(compiled, 1.0, x[::2], y[:2])
    assert (sys.getrefcount(x), sys.getrefcount(y)) == before


SCRIPT = """
import numpy as np
from textgen.core.runtime.jit import compiler_heard
from textgen.core.products.product import product_rows
from textgen.core.products.weight import Weight

compiled = []
with compiler_heard(lambda: compiled.append(True)):
    weight, x = Weight(np.eye(3, 40), None, keep_packed=True), np.arange(12.0).reshape(2, 2, 3)
    weight.pack()
    y = np.ones((2, 2, 40))
    product_rows(x, weight.packed(), y, y, 0, 2)
assert (y[:, :, :3] == 1 + x).all() and (y[:, :, 3:] == 1).all()
print(bool(compiled))
"""


def test_a_caller_from_the_cache_finds_the_kernel_at_its_new_address(tmp_path):
    # Where a process puts it is left to chance by nearly all systems.
    for compiling in ("True", "False"):
        done = run_python({}, tmp_path, "-c", SCRIPT)
        assert done.stdout.split() == [compiling], done.stderr
