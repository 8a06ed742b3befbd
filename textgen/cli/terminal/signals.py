"""What Ctrl-C, SIGTERM and SIGHUP do: where a long run has something to save, the first asks for a good end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import FrameType

INTERRUPTED = 130  # exit code: 128 + the number of SIGINT

_HANGUP = getattr(signal, "SIGHUP", signal.SIGTERM)  # the terminal was closed; Windows has no such signal

Handler = Callable[[int, FrameType | None], object]


class Stopping:
    """Whether a run was asked to come to its end, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """128 + the signal's number: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP."""
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
    """While the block runs, the first Ctrl-C, SIGTERM or SIGHUP only tells `stopping`: the block should then end.

    `on_request` is called then, in the main thread. A second Ctrl-C or SIGTERM does what it did before. A second SIGHUP
    is none: the shell and the system both send one when a terminal is closed.
    """
    numbers = {signal.SIGINT, signal.SIGTERM, _HANGUP}
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        for each, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(each, handler)
        if stopping.signal is None:
            stopping.signal = number
            on_request()

    with ExitStack() as handled:
        for number in numbers:
            handled.enter_context(signal_handled(number, note))
        yield
