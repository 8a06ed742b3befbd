"""How kernels are compiled. All kernels are decorated here.

Policy: kernels release the GIL, and are kept on disk (see kernel_cache.py). They divide as NumPy does: Numba's own
check of each division for zero keeps loops from being vectorised. The vectors of their loops are as wide as those of
products (see vector_width.py). Of the fast-math flags only those are used that keep NaN and infinity alive: the check
for a loss that is not finite depends on them.

Kernels allocate nothing: so Numba need not count the references to arrays. Each slice would change such a count, in
memory that all threads share, which took longer than the arithmetic of a short row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
from numba.core import event

from textgen.core.runtime import kernel_cache
from textgen.core.runtime.vector_width import KernelCompiler

_CONTRACT = {"contract"}  # a * b + c may become one instruction
_REASSOCIATE = {"contract", "reassoc", "nsz"}  # ... and sums may be taken lane by lane


def _ignore(*_: object) -> None:
    pass


class _Listener(event.Listener):  # type: ignore[misc]  # Numba has no types
    def __init__(self, begun: Callable[[], None], ended: Callable[[Any], None]) -> None:
        self._begun, self._ended = begun, ended

    def on_start(self, _: event.Event) -> None:
        self._begun()

    def on_end(self, heard: event.Event) -> None:
        self._ended(heard.data)


@contextmanager
def compiler_heard(
    compiling: Callable[[], None],
    entered: Callable[[], None] = _ignore,
    left: Callable[[], None] = _ignore,
    not_kept: Callable[[Exception], None] = _ignore,
) -> Iterator[None]:
    """While the block runs, tell what Numba's compiler does, each time in the thread that it works in.

    compiling : a kernel, or a function that it calls, will be compiled, since the cache does not hold it. What this
    raises is raised by the call of the kernel, and nothing is compiled.
    entered, left : the compiler begins to work, and has ended; so it is when it calls itself, or loads a kernel from
    the cache. In between, no signal's handler may raise an exception. It could come while LLVM calls back into Python:
    there it is lost, and what was being compiled can never be compiled again.
    not_kept : a kernel that was compiled could not be written to the cache, and why.
    """
    with (
        event.install_listener("numba:compiler_lock", _Listener(entered, lambda _: left())),
        event.install_listener("numba:compile", _Listener(compiling, _ignore)),
        event.install_listener(kernel_cache.NOT_KEPT, _Listener(_ignore, not_kept)),
    ):
        yield


def _compile(function: Callable[..., Any], fastmath: set[str], inline: bool = False) -> Callable[..., Any]:
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": fastmath,
        "forceinline": inline,
        "_nrt": False,
        "no_cfunc_wrapper": True,
        "no_cpython_wrapper": inline,
    }
    compiled: Any = numba.njit(pipeline_class=KernelCompiler, **options)(function)
    if kernel_cache.CACHE_FOLDER is not None:
        compiled._cache = kernel_cache.KernelCache(function)  # as njit(cache=True) sets Numba's own
    return compiled  # type: ignore[no-any-return]


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, to be compiled at its first call. Sums are taken in the order that is written."""
    return _compile(function, _CONTRACT)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, to be compiled into each kernel that calls it. Only kernels can: called from Python, it crashes.

    Without an entry from Python all is compiled a fifth faster.

    Whatever rounds is shared in this way only. Of a function that is called, each kernel has a copy, optimised in its
    own way, and the dynamic linker chooses one of them for the process. Then a warm cache could give other bytes than a
    cold one.
    """
    return _compile(function, _CONTRACT, inline=True)


def inlined_reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `inlined`; its sums are taken lane by lane, in an order fixed by their length alone."""
    return _compile(function, _REASSOCIATE, inline=True)


def reduction_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`; its sums are taken lane by lane, in an order fixed by their length alone."""
    return _compile(function, _REASSOCIATE)
