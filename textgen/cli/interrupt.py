"""What Ctrl-C and SIGTERM do: where a long run has something to save, the first asks for a good end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import FrameType

INTERRUPTED = 130  # exit code: 128 + the number of SIGINT

Handler = Callable[[int, FrameType | None], object]


class Stopping:
    """Whether a run was asked to come to its end, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """128 + the signal's number: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + (signal.SIGINT if self.signal is None else self.signal)


@contextmanager
def signal_handled(number: int, handler: Handler) -> Iterator[None]:
    """While the block runs, `handler` is called at this signal.

    Not where it is ignored (Ctrl-C in a job in the background of a script), nor in a thread that is not the main one:
    only that one may set handlers.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(number)
    if not is_main or before is signal.SIG_IGN:
        yield
        return
    signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def sigint_handled(handler: Handler) -> AbstractContextManager[None]:
    """While the block runs, `handler` is called at Ctrl-C; see `signal_handled`."""
    return signal_handled(signal.SIGINT, handler)


@contextmanager
def interruptible(stopping: Stopping, on_request: Callable[[], None]) -> Iterator[None]:
    """While the block runs, the first Ctrl-C or SIGTERM only tells `stopping`, and the block should come to its end.

    `on_request` is called then, in the main thread. The second one does what it did before.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        for each in numbers:
            if before[each] is not signal.SIG_IGN:
                signal.signal(each, before[each])
        stopping.signal = number
        on_request()

    with ExitStack() as handled:
        for number in numbers:
            handled.enter_context(signal_handled(number, note))
        yield
