"""Ctrl-C during a long run: the first asks for a good end, the second ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # exit code: 128 + the number of SIGINT


@contextmanager
def interruptible(on_request: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """A function that tells whether Ctrl-C was pressed since; while the block runs, the first raises nothing.

    `on_request` is called at the first one, in the main thread. The second one raises KeyboardInterrupt.
    """
    requested = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.signal(signal.SIGINT, signal.default_int_handler)
        requested.set()
        on_request()

    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield requested.is_set
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield requested.is_set
    finally:
        signal.signal(signal.SIGINT, before)
