"""Compiled kernels are found again only while nothing that they were made of has changed, and not kept at any price."""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.core.caching import IndexDataCacheFile

from textgen.core.runtime import jit, kernel_cache


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the package's folder `core`, in a package of its own."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    package = tmp_path / "textgen"
    package.mkdir()
    source = Path(kernel_cache.__file__).parents[1]
    shutil.copytree(source, package / "core", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    return package / "core"


def key_of(core: Path) -> str:
    """The key of a copy of core/, by its own kernel_cache.py."""
    specification = importlib.util.spec_from_file_location("copied_kernel_cache", core / "runtime" / "kernel_cache.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    key: str = module.sources_key()
    assert Path(module.CACHE_FOLDER).name == f"kernels-{key}"
    return key


def test_key_is_that_of_the_sources(copied):
    assert key_of(copied) == key_of(copied) == kernel_cache.sources_key()


@pytest.mark.parametrize("edited", ["products/product.py", "cells/steps.py", "runtime/jit.py"])
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
    keys = {kernel_cache.sources_key()}
    monkeypatch.setattr(numba, "__version__", "0.0.1")
    keys.add(kernel_cache.sources_key())
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "abacus")
    keys.add(kernel_cache.sources_key())
    monkeypatch.setattr(numba.config, "CPU_NAME", "slide rule")
    keys.add(kernel_cache.sources_key())
    monkeypatch.setattr(numba.config, "CPU_FEATURES", "+beads")
    keys.add(kernel_cache.sources_key())
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    keys.add(kernel_cache.sources_key())
    assert len(keys) == 6


def test_an_edited_callee_is_compiled_again(copied):
    # The edit is in another file than the kernel that is called: Numba alone would run the old code.
    script = (
        "import numpy as np; from textgen.core.kernels.elementwise import tanh_rows;"
        "y = np.ones((1, 1, 1)); tanh_rows(y, 0, 1); print(float(y[0, 0, 0]))"
    )

    def run() -> float:
        environment = os.environ | {"PYTHONPATH": str(copied.parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env=environment, cwd=copied, capture_output=True, text=True, check=True)
        return float(done.stdout)

    assert run() == pytest.approx(np.tanh(1.0))
    activations = copied / "kernels" / "activations.py"
    text = activations.read_text(encoding="utf-8")
    assert text.count("x[j] = tanh(x[j])") == 1
    activations.write_text(text.replace("x[j] = tanh(x[j])", "x[j] = tanh(x[j]) + 5"), encoding="utf-8")
    assert run() == pytest.approx(5 + np.tanh(1.0))


def test_a_cache_folder_that_cannot_be_made_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert kernel_cache.make_cache_folder() is None
    monkeypatch.setattr(kernel_cache, "CACHE_FOLDER", None)
    assert jit.kernel(lambda x: x + 1)(2) == 3
    assert jit.reduction_kernel(lambda x: x + 2)(2) == 4


def test_folders_that_were_long_not_used_are_removed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    now, day = time.time(), 24 * 3600
    days = {  # since the last use
        "kernels-0123456789abcdef": 31,
        "kernels-fedcba9876543210": 29,
        "kernels-0123456789abcdef-mine": 31,
        "kernels-ABCDEF0123456789": 31,
        "kernels-mine": 31,
        "my-kernels-0123456789abcdef": 31,
        "mine": 31,
    }

    def fill():
        for name, age in days.items():
            file = tmp_path / "cache" / name / "core" / "kernel.nbi"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            os.utime(tmp_path / "cache" / name, (now - age * day,) * 2)

    def names():
        return {path.name for path in (tmp_path / "cache").iterdir()}

    fill()
    made = kernel_cache.make_cache_folder()
    assert made is not None
    assert names() == {Path(made).name, *days} - {"kernels-0123456789abcdef"}
    fill()
    kernel_cache.make_cache_folder()
    assert names() == {Path(made).name, *days}, "only a new version looks for old ones"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_what_is_not_a_folder_of_kernels_is_not_removed(tmp_path, monkeypatch):
    """A file and a link of such names; whatever the link leads to is left alone, too."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    elsewhere = tmp_path / "elsewhere" / "mine.txt"
    for path in (elsewhere, tmp_path / "cache" / "kernels-0000000000000000"):
        path.parent.mkdir()
        path.touch()
    link = tmp_path / "cache" / "kernels-1111111111111111"
    link.symlink_to(elsewhere.parent)
    for path in (*(tmp_path / "cache").iterdir(), elsewhere.parent):
        os.utime(path, (0, 0), follow_symlinks=False)
    assert kernel_cache.make_cache_folder() is not None
    assert len(list((tmp_path / "cache").iterdir())) == 3
    assert elsewhere.exists()


def test_a_folder_that_is_used_stays_young(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    made = kernel_cache.make_cache_folder()
    assert made is not None
    os.utime(made, (0, 0))
    assert kernel_cache.make_cache_folder() == made
    assert Path(made).stat().st_mtime > time.time() - 3600


def plus_one(x):
    return x + 1


@pytest.fixture
def not_kept():
    """What is told of kernels that cannot be kept."""
    errors: list[Any] = []
    with jit.compiler_heard(lambda: None, not_kept=errors.append):
        yield errors


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("step", ["_save_index", "_save_data"])
def test_a_kernel_that_cannot_be_written_is_used_and_told(tmp_path, monkeypatch, not_kept, step, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(kernel_cache, "CACHE_FOLDER", str(tmp_path))
    with monkeypatch.context() as refused:
        refused.setattr(IndexDataCacheFile, step, refuse)
        assert jit.kernel(plus_one)(1) == 2
    assert [error.errno for error in not_kept] == [number]
    for hits in (0, 1):  # as soon as it can be kept, it is
        again: Any = jit.kernel(plus_one)
        assert again(1) == 2
        assert len(again.stats.cache_hits) == hits
    assert len(not_kept) == 1


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"\0" * 500])
def test_a_file_that_is_cut_short_is_written_again(tmp_path, monkeypatch, not_kept, suffix, content):
    monkeypatch.setattr(kernel_cache, "CACHE_FOLDER", str(tmp_path))
    assert jit.kernel(plus_one)(1) == 2
    [file] = tmp_path.rglob(f"*.{suffix}")
    file.write_bytes(content)
    for hits in (0, 1):
        again: Any = jit.kernel(plus_one)
        assert again(1) == 2
        assert len(again.stats.cache_hits) == hits
    assert not not_kept


def test_a_kernel_from_the_cache_does_not_wait_for_the_compiler_to_be_ready(tmp_path):
    """All that can be compiled is registered only when something is; and it still can be then."""
    program = (
        "import sys\n"
        "import numpy as np\n"
        "from textgen.core.runtime.jit import kernel\n"
        "@kernel\n"
        "def double(x):\n"
        "    for j in range(x.size):\n"
        "        x[j] += np.exp(np.log(x[j]))\n"
        "for dtype in sys.argv[1:]:\n"
        "    x = np.ones(3, dtype)\n"
        "    double(x)\n"
        "    assert np.allclose(x, 2)\n"
        "    print(len(double.stats.cache_hits), 'numba.cpython.unicode' in sys.modules)\n"
    )
    (tmp_path / "program.py").write_text(program)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(*dtypes: str) -> list[str]:
        command = [sys.executable, tmp_path / "program.py", *dtypes]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    assert run("f4") == ["0 True"]
    assert run("f4", "f8") == ["1 False", "1 True"]
    assert run("f8", "f4") == ["1 False", "2 False"]


@pytest.fixture
def read_only(monkeypatch):
    """A function that makes all folders read-only; by what the system answers, since root may write anywhere."""

    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def make_read_only():
        for owner, name in ((os, "mkdir"), (os, "utime"), (os, "replace"), (tempfile, "TemporaryFile")):
            monkeypatch.setattr(owner, name, refuse)
        monkeypatch.setattr(os, "access", lambda *_, **__: False)

    return make_read_only


def test_a_filled_cache_that_cannot_be_written_is_used(tmp_path, monkeypatch, not_kept, read_only):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = kernel_cache.make_cache_folder()
    monkeypatch.setattr(kernel_cache, "CACHE_FOLDER", folder)
    assert jit.kernel(plus_one)(1) == 2
    read_only()
    assert kernel_cache.make_cache_folder() == folder
    again: Any = jit.kernel(plus_one)
    assert again(1) == 2
    assert len(again.stats.cache_hits) == 1
    assert not not_kept
    assert again(1.5) == 2.5, "what it does not hold is compiled"
    assert [error.errno for error in not_kept] == [errno.EROFS]


def test_where_no_folder_can_be_made_there_is_none(tmp_path, monkeypatch, read_only):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    read_only()
    assert kernel_cache.make_cache_folder() is None


def test_a_folder_that_is_none_any_more(tmp_path, monkeypatch, not_kept):
    """Neither is anything found there, nor is another folder taken."""
    folder = tmp_path / "kernels"
    folder.touch()
    monkeypatch.setattr(kernel_cache, "CACHE_FOLDER", str(folder))
    compiled: Any = jit.kernel(plus_one)
    assert compiled(1) == 2
    assert compiled.stats.cache_path.startswith(str(folder))
    assert len(not_kept) == 1


def test_numbas_own_cache_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_cache, "CACHE_FOLDER", str(tmp_path / "ours"))
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "numbas"))
    for folder, compiled in (("ours", jit.kernel(plus_one)), ("numbas", numba.njit(cache=True)(plus_one))):
        assert compiled(1) == 2
        assert len(list((tmp_path / folder).rglob("*.nbi"))) == 1
