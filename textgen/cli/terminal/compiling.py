"""While kernels are compiled: it is told, and Ctrl-C waits for a moment at which it does no harm."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from textgen.cli.terminal.signals import sigint_handled

if TYPE_CHECKING:
    from textgen.cli.terminal.output import Notes


@contextmanager
def compilation_watched(notes: Notes) -> Iterator[None]:
    """While the block runs, the first kernel that has to be compiled, not found in the cache, is told in a note.

    So is the first one that cannot be kept, as on a full disk; it is used all the same.
    Ctrl-C raises KeyboardInterrupt at once; while a kernel is compiled, after it and before the next one.
    """
    from textgen.core.runtime.jit import compiler_heard
    from textgen.core.runtime.kernel_cache import CACHE_FOLDER

    watch = _Watch(notes, CACHE_FOLDER)
    with compiler_heard(watch.compiling, watch.entered, watch.left, watch.not_kept), sigint_handled(watch.interrupt):
        yield


def format_compilation(cache_folder: str | None) -> str:
    """What follows the word "compiling": how often, and where the kernels are kept; None is nowhere."""
    if cache_folder is None:
        return "kernels, at each start: no folder can be written to keep them; NUMBA_CACHE_DIR names another"
    return f"kernels, once: some seconds, then they are kept in {Path(cache_folder).parent}"


class _Watch:
    """What is known of the compiler. It may work in any thread, but signals are handled in the main thread alone."""

    def __init__(self, notes: Notes, cache_folder: str | None) -> None:
        self._notes, self._cache_folder = notes, cache_folder
        self._depth = 0  # of the compiler's calls, in the main thread
        self._announced = self._regretted = self._interrupted = False

    def compiling(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        if not self._announced:
            self._announced = True
            folder = self._cache_folder
            is_kept = folder is not None and os.access(folder, os.W_OK)
            self._regretted = not is_kept  # which is said with it
            self._notes.say("compiling", format_compilation(folder if is_kept else None))

    def not_kept(self, error: Exception) -> None:
        if not self._regretted:
            self._regretted = True
            place, reason = self._cache_folder, getattr(error, "strerror", None) or error
            self._notes.say("kernels", f"cannot be kept in {place}: {reason}; the next start compiles them again")

    def entered(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._depth += 1

    def left(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._depth -= 1
            if self._interrupted and not self._depth:
                raise KeyboardInterrupt

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._interrupted = True
        if not self._depth:
            raise KeyboardInterrupt
