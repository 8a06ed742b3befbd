"""How kernels are compiled, and what is heard of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from textgen.core.runtime import jit, kernel_cache


def test_policy_division_and_nan():
    def quotient(x, y):
        return x / y

    def is_nan(x):
        return np.isnan(x)

    options = {"nogil": True, "error_model": "numpy"}
    for compile_as in (jit.kernel, jit.reduction_kernel):
        compiled: Any = compile_as(quotient)
        assert options.items() <= compiled.targetoptions.items()
        assert compiled(1.0, 0.0) == np.inf
        assert np.isnan(compiled(0.0, 0.0))
        assert compile_as(is_nan)(np.nan)
        assert not compile_as(is_nan)(1.0)
        assert not {"nnan", "ninf", "fast"} & set(compiled.targetoptions["fastmath"])


def test_a_compilation_is_heard_but_not_a_kernel_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_cache, "CACHE_FOLDER", str(tmp_path))
    begun = []

    def plus_one(x):
        return x + 1

    with jit.compiler_heard(lambda: begun.append(True)):
        first: Any = jit.kernel(plus_one)
        assert (first(1), first(2), len(begun)) == (2, 3, 1)
        assert (first(1.5), len(begun)) == (2.5, 2), "another signature is another compilation"
        again: Any = jit.kernel(plus_one)
        assert (again(1), again(1.5), len(begun)) == (2, 2.5, 2)
        assert len(again.stats.cache_hits) == 2
    assert (jit.kernel(plus_one)(1j), len(begun)) == (1 + 1j, 2), "nobody listens any more"
