"""What Ctrl-C does: where a long run has something to save, the first asks for a good end, the second ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # exit code: 128 + the number of SIGINT

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def sigint_handled(handler: Handler) -> Iterator[None]:
    """While the block runs, `handler` is called at Ctrl-C.

    Not where Ctrl-C is ignored (a job in the background of a script), nor in a thread that is not the main one: only
    that one may set handlers.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not is_main or before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interruptible(requested: threading.Event, on_request: Callable[[], None]) -> Iterator[None]:
    """While the block runs, the first Ctrl-C raises nothing: it sets `requested`, and the block should come to its end.

    `on_request` is called then, in the main thread. The second one does what it did before.
    """
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.signal(signal.SIGINT, before)
        requested.set()
        on_request()

    with sigint_handled(note):
        yield
