"""Where compiled kernels are kept. A kernel that cannot be kept or found again is compiled, and used all the same.

The folder is named by a hash of all sources of `core/`, Numba's version and the CPU: Numba itself does not notice an
edited callee in another file, so an edit or an upgrade must not find the old code. It is removed in the end.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import platformdirs
from numba.core import caching, codegen, event

_CUT_SHORT = (EOFError, pickle.UnpicklingError)  # what reading raises of a file that is, as after a loss of power
_UNUSED_SECONDS = 30 * 24 * 3600  # after these the folder of another version is removed
NOT_KEPT = "textgen:kernel not kept"  # Numba's event, with the error, when a kernel could not be written


def sources_key() -> str:
    """A hash of everything that decides what the compiled kernels are: core's sources, Numba, Python, the CPU."""
    digest = hashlib.sha256()
    core = Path(__file__).parents[1]
    for path in sorted(core.rglob("*.py")):
        digest.update(path.relative_to(core).as_posix().encode())
        digest.update(path.read_bytes())
    for part in (
        numba.__version__,
        platform.python_version(),
        llvmlite.binding.get_host_cpu_name(),
        codegen.get_host_cpu_features(),
        str(numba.config.CPU_NAME),
        str(numba.config.CPU_FEATURES),
        str(numba.config.BOUNDSCHECK),
    ):
        digest.update(part.encode())
    return digest.hexdigest()[:16]


def make_cache_folder() -> str | None:
    """Where compiled kernels are kept; None where no folder can be made. NUMBA_CACHE_DIR overrides.

    One that is there is used though nothing can be written to it, as in a read-only image that was filled before.
    The first time, after an upgrade for instance, folders beside it that have long been of no use are removed.
    """
    base = Path(os.environ.get("NUMBA_CACHE_DIR") or platformdirs.user_cache_dir("textgen", appauthor=False))
    folder = base / f"kernels-{sources_key()}"
    try:
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    with suppress(OSError):
        os.utime(folder)  # the time of the last use
    if is_new:
        _remove_unused(base)
    return str(folder)


def _remove_unused(base: Path) -> None:
    """Remove the folders of kernels that no process was started with for 30 days; what cannot be removed stays.

    A process that still runs with one of them compiles what it needs beyond what it has loaded.
    """
    with suppress(OSError):
        for folder in base.iterdir():
            is_ours = re.fullmatch("kernels-[0-9a-f]{16}", folder.name) is not None
            if is_ours and time.time() - folder.lstat().st_mtime > _UNUSED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)  # does not follow links


CACHE_FOLDER = make_cache_folder()


class _Place(caching.UserProvidedCacheLocator):  # type: ignore[misc]  # Numba has no types
    """CACHE_FOLDER and no other. Numba would turn to the sources' own folder, where old code could be found."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)
        assert CACHE_FOLDER is not None
        self._cache_path = str(Path(CACHE_FOLDER) / self.get_suitable_cache_subpath(py_file))

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Place:
        """Without Numba's trial whether the folder can be written: that shows when a kernel is."""
        return cls(py_func, py_file)


class _Content(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = [_Place]  # noqa: RUF012


class KernelCache(caching.FunctionCache):  # type: ignore[misc]
    """The compiled forms of one function, in files; a disk that is full, or refuses, is told by the event NOT_KEPT."""

    _impl_class = _Content

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled form for one signature, None if there is none that can be read.

        Numba's own way here begins with `target_context.refresh()`, which loads all that the compiler can compile,
        strings and linear algebra among it (0.2 s). The compiler does that itself, when there is something to compile.
        What is compiled already needs none of it, not even Numba's run-time system: kernels allocate nothing.
        """
        try:
            return self._load_overload(sig, target_context)
        except OSError:
            return None
        except _CUT_SHORT:
            with suppress(OSError):
                self.flush()  # or it could not be saved either, since that reads the index, too
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled form, or tell why that cannot be."""
        try:
            super().save_overload(sig, data)
        except (OSError, *_CUT_SHORT) as error:
            event.broadcast(event.Event(NOT_KEPT, event.EventStatus.END, error))
