"""How long the compiler works, which is no part of what a training takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from textgen.core.runtime.jit import compiler_heard


class CompileClock:
    """Counts the seconds in which kernels are compiled, or loaded from the cache, in whatever threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working = 0  # calls of the compiler that have not ended
        self._since = self._counted = 0.0

    @property
    def seconds(self) -> float:
        """Until now."""
        with self._lock:
            return self._counted + (time.monotonic() - self._since if self._working else 0.0)

    def entered(self) -> None:
        """The compiler begins, perhaps within another call of its own or beside one."""
        with self._lock:
            if not self._working:
                self._since = time.monotonic()
            self._working += 1

    def left(self) -> None:
        """A call of the compiler ends."""
        with self._lock:
            self._working -= 1
            if not self._working:
                self._counted += time.monotonic() - self._since


@contextmanager
def compilation_timed() -> Iterator[CompileClock]:
    """While the block runs, the clock that it gives counts."""
    clock = CompileClock()
    with compiler_heard(lambda: None, clock.entered, clock.left):
        yield clock
