"""Compiled kernels are found again only while nothing that they were made of has changed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from textgen.core import jit


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the package's folder `core`, in a package of its own."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    package = tmp_path / "textgen"
    package.mkdir()
    shutil.copytree(Path(jit.__file__).parent, package / "core", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    return package / "core"


def key_of(core: Path) -> str:
    """The key of a copy of core/, by its own jit.py."""
    specification = importlib.util.spec_from_file_location("copied_jit", core / "jit.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    key: str = module.sources_key()
    assert Path(module.CACHE_FOLDER).name == f"kernels-{key}"
    return key


def test_key_is_that_of_the_sources(copied):
    assert key_of(copied) == key_of(copied) == jit.sources_key()


@pytest.mark.parametrize("edited", ["matmul.py", "cells/steps.py", "jit.py"])
def test_an_edit_changes_the_key(copied, edited):
    before = key_of(copied)
    with (copied / edited).open("a") as file:
        file.write("# edited\n")
    assert key_of(copied) != before


def test_a_new_or_renamed_file_changes_the_key(copied):
    keys = [key_of(copied)]
    (copied / "cells" / "new.py").write_text("# a new cell\n")
    keys.append(key_of(copied))
    (copied / "cells" / "new.py").rename(copied / "cells" / "newer.py")
    keys.append(key_of(copied))
    assert len(set(keys)) == 3


def test_another_numba_or_cpu_changes_the_key(monkeypatch):
    keys = {jit.sources_key()}
    monkeypatch.setattr(numba, "__version__", "0.0.1")
    keys.add(jit.sources_key())
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "abacus")
    keys.add(jit.sources_key())
    monkeypatch.setattr(numba.config, "CPU_FEATURES", "+beads")
    keys.add(jit.sources_key())
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    keys.add(jit.sources_key())
    assert len(keys) == 5


def test_an_edited_callee_is_compiled_again(copied):
    # The edit is in another file than the kernel that is called: Numba alone would run the old code.
    script = (
        "import numpy as np; from textgen.core.elementwise import tanh_rows;"
        "y = np.ones((1, 1, 1)); tanh_rows(y, 0, 1); print(float(y[0, 0, 0]))"
    )

    def run() -> float:
        environment = os.environ | {"PYTHONPATH": str(copied.parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env=environment, cwd=copied, capture_output=True, text=True, check=True)
        return float(done.stdout)

    assert run() == pytest.approx(np.tanh(1.0))
    activations = copied / "activations.py"
    text = activations.read_text(encoding="utf-8")
    assert text.count("x[j] = tanh(x[j])") == 1
    activations.write_text(text.replace("x[j] = tanh(x[j])", "x[j] = tanh(x[j]) + 5"), encoding="utf-8")
    assert run() == pytest.approx(5 + np.tanh(1.0))


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else False, reason="root may write anywhere")
def test_without_a_folder_kernels_are_compiled_without_a_cache(tmp_path, monkeypatch):
    tmp_path.chmod(0o500)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    assert jit._cache_folder() is None


def test_a_cache_folder_that_cannot_be_made_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert jit._cache_folder() is None
    monkeypatch.setattr(jit, "CACHE_FOLDER", None)
    assert jit.kernel(lambda x: x + 1)(2) == 3
    assert jit.reduction_kernel(lambda x: x + 2)(2) == 4


def test_numbas_own_cache_folder_is_left_alone(monkeypatch):
    before = numba.config.CACHE_DIR
    jit.kernel(test_numbas_own_cache_folder_is_left_alone)
    assert before == numba.config.CACHE_DIR


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
    monkeypatch.setattr(jit, "CACHE_FOLDER", str(tmp_path))
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
