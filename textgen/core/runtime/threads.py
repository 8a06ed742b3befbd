"""A team of plain threads that share out kernels; the kernels release the GIL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from textgen.core.runtime.limits import available_cpus


def share(total: int, part: int, parts: int, multiple: int = 1) -> tuple[int, int]:
    """The range [first, last) of `total` that falls to `part` of `parts`, cut at multiples of `multiple`."""
    units = -(-total // multiple)
    first, last = units * part // parts, units * (part + 1) // parts
    return min(first * multiple, total), min(last * multiple, total)


def _nothing() -> None:
    pass


class Team:
    """`threads` threads, the calling one among them. Use as a context manager, so that none is left behind."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the threads end; what they are doing is finished first."""
        if self._pool is not None:
            self._pool.shutdown()

    def run(self, work: Callable[[int], None], abandon: Callable[[], None] = _nothing) -> None:
        """Call work(part) for each part in range(threads), side by side; raise what the first of them raised.

        abandon : called where a part failed or could not be begun, as at Ctrl-C: if the parts wait for one another, it
        must let them go.
        """

        def guarded(part: int) -> None:
            try:
                work(part)
            except BaseException:
                abandon()
                raise

        others: list[Future[None]] = []
        try:
            if self._pool is not None:
                others.extend(self._pool.submit(guarded, part) for part in range(1, self.threads))
            work(0)
        except BaseException:
            abandon()
            raise
        finally:
            for other in others:
                other.exception()  # waits: buffers may be used again only when all are done
        for other in others:
            other.result()


def team_size(threads: int, rows: int) -> int:
    """How many threads to use: `threads`, or one for each CPU where it is 0; never more than there are rows."""
    return max(1, min(threads or available_cpus(), rows))
