"""While kernels are compiled: it is told, and Ctrl-C waits for a moment at which it does no harm."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from textgen.cli.interrupt import sigint_handled

if TYPE_CHECKING:
    from textgen.cli.output import Notes


@contextmanager
def compilation_watched(notes: Notes) -> Iterator[None]:
    """While the block runs, the first kernel that has to be compiled, not found in the cache, is told in a note.

    Ctrl-C raises KeyboardInterrupt at once; while a kernel is compiled, after it and before the next one.
    """
    from textgen.core.jit import CACHE_FOLDER, compiler_heard

    watch = _Watch(notes, format_compilation(CACHE_FOLDER))
    with compiler_heard(watch.compiling, watch.entered, watch.left), sigint_handled(watch.interrupt):
        yield


def format_compilation(cache_folder: str | None) -> str:
    """What follows the word "compiling": how often, and where the kernels are kept; None is nowhere."""
    if cache_folder is None:
        return "kernels, at each start: no folder can be written to keep them; NUMBA_CACHE_DIR names another"
    return f"kernels, once: some seconds, then they are kept in {Path(cache_folder).parent}"


class _Watch:
    """What is known of the compiler. It may work in any thread, but signals are handled in the main thread alone."""

    def __init__(self, notes: Notes, announcement: str) -> None:
        self._notes, self._announcement = notes, announcement
        self._depth = 0  # of the compiler's calls, in the main thread
        self._announced = self._interrupted = False

    def compiling(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        if not self._announced:
            self._announced = True
            self._notes.say("compiling", self._announcement)

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
