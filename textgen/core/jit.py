"""How kernels are compiled, and where the compiled code is kept. All kernels are decorated here.

Policy: kernels release the GIL, are cached on disk, and divide as NumPy does (Numba's own check of each division for
zero keeps loops from being vectorised). Of the fast-math flags only those are used that keep NaN and infinity alive:
the check for a loss that is not finite depends on them.

The cache folder is named by a hash of all sources of `core/`, Numba's version and the CPU: Numba itself does not notice
an edited callee in another file, so an edit or an upgrade must not find the old code.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import platformdirs
from numba.core import event

_CONTRACT = {"contract"}  # a * b + c may become one instruction
_REASSOCIATE = {"contract", "reassoc", "nsz"}  # ... and sums may be taken lane by lane


def sources_key() -> str:
    """A hash of everything that decides what the compiled kernels are: core's sources, Numba, Python, the CPU."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    for part in (
        numba.__version__,
        platform.python_version(),
        llvmlite.binding.get_host_cpu_name(),
        llvmlite.binding.get_host_cpu_features().flatten(),
        str(numba.config.CPU_FEATURES),
        str(numba.config.BOUNDSCHECK),
    ):
        digest.update(part.encode())
    return digest.hexdigest()[:16]


def _cache_folder() -> str | None:
    """Where compiled kernels are kept; None where no folder can be written. NUMBA_CACHE_DIR overrides."""
    base = os.environ.get("NUMBA_CACHE_DIR") or platformdirs.user_cache_dir("textgen", appauthor=False)
    folder = Path(base) / f"kernels-{sources_key()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return str(folder) if os.access(folder, os.W_OK) else None


CACHE_FOLDER = _cache_folder()


def _ignore() -> None:
    pass


class _Listener(event.Listener):  # type: ignore[misc]  # Numba has no types
    def __init__(self, begun: Callable[[], None], ended: Callable[[], None]) -> None:
        self._begun, self._ended = begun, ended

    def on_start(self, _: event.Event) -> None:
        self._begun()

    def on_end(self, _: event.Event) -> None:
        self._ended()


@contextmanager
def compiler_heard(
    compiling: Callable[[], None], entered: Callable[[], None] = _ignore, left: Callable[[], None] = _ignore
) -> Iterator[None]:
    """While the block runs, tell what Numba's compiler does, each time in the thread that it works in.

    compiling : a kernel, or a function that it calls, will be compiled, since the cache does not hold it. What this
    raises is raised by the call of the kernel, and nothing is compiled.
    entered, left : the compiler begins to work (with what it calls itself for, and for loading a kernel from the cache,
    too), and has ended. In between, it does not bear an exception out of nowhere, such as a signal's handler raises:
    LLVM calls back into Python, where it is lost, and what was being compiled can never be compiled again.
    """
    with (
        event.install_listener("numba:compiler_lock", _Listener(entered, left)),
        event.install_listener("numba:compile", _Listener(compiling, _ignore)),
    ):
        yield


def _compile(function: Callable[..., Any], fastmath: set[str], inline: bool = False) -> Callable[..., Any]:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath, "forceinline": inline}
    if CACHE_FOLDER is None:
        compiled: Callable[..., Any] = numba.njit(**options)(function)
        return compiled
    # Numba reads the folder at the moment of decoration; other users of Numba in this process keep theirs.
    others = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = CACHE_FOLDER
    try:
        compiled = numba.njit(cache=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = others
    return compiled


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, to be compiled at its first call. Sums are taken in the order that is written."""
    return _compile(function, _CONTRACT)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, to be compiled into each kernel that calls it.

    Whatever rounds is shared in this way only. Numba gives each kernel a copy of what it calls, optimised in its own
    way, and lets the dynamic linker choose one copy for the process; then a warm cache could give other bytes than a
    cold one.
    """
    return _compile(function, _CONTRACT, inline=True)


def inlined_reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `inlined`; its sums are taken lane by lane, in an order fixed by their length alone."""
    return _compile(function, _REASSOCIATE, inline=True)


def reduction_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`; its sums are taken lane by lane, in an order fixed by their length alone."""
    return _compile(function, _REASSOCIATE)
