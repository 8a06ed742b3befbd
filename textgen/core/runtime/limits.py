"""How much of the machine this process may use: CPUs and memory.

On Linux a control group may leave it less than the machine has: `docker --cpus=2 --memory=4g` on 64 CPUs means two CPUs
and 4 GiB. Groups lie in one another, and the tightest limit of all that can be seen counts. Both versions of them are
read: https://docs.kernel.org/admin-guide/cgroup-v2.html ("cpu.max", "memory.max") and cgroup-v1. What cannot be read
or understood is no limit.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/")  # what proc and sys lie in
_GROUPS = "sys/fs/cgroup"


def available_cpus(root: Path = _ROOT) -> int:
    """The number of CPUs that this process can keep busy, at least 1; a part of one counts as one."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min([count, *_cpu_quotas(root)])))


def available_memory(root: Path = _ROOT) -> int | None:
    """The bytes of memory that this process can have; None where the system does not tell."""
    return min([*_physical_memory(), *_memory_limits(root)], default=None)


def _physical_memory() -> Iterator[int]:
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cpu_quotas(root: Path) -> Iterator[float]:
    """The CPUs that each group above this process may use: its quota of time in each period, over that period."""
    for group in _groups(root, "cpu"):
        for words in (
            _words(group / "cpu.max"),
            _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us"),
        ):
            with suppress(ValueError):  # "max", or nothing there
                quota, period = map(int, words)
                if quota > 0 and period > 0:  # in version 1, -1 is no limit
                    yield quota / period


def _memory_limits(root: Path) -> Iterator[int]:
    """The bytes of memory that each group above this process may use."""
    for group in _groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with suppress(ValueError):
                [limit] = map(int, _words(group / name))
                if limit > 0:
                    yield limit


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process' groups for "cpu" or "memory", from the outermost on; they need not exist.

    A container that does not see its own groups' names has the innermost one where otherwise the outermost is.
    """
    mounted = root / _GROUPS
    for line in _read(root / "proc/self/cgroup").splitlines():  # as "4:cpu,cpuacct:/docker/1f" or "0::/docker/1f"
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and controller not in controllers.split(","):
            continue
        names = (controllers, controller) if controllers else (".", "unified")
        parts = path.strip("/").split("/")
        for mount in dict.fromkeys(mounted / name for name in names):
            for depth in range(len(parts) + 1):
                yield mount.joinpath(*parts[:depth])


def _words(file: Path) -> list[str]:
    return _read(file).split()


def _read(file: Path) -> str:
    """What stands in a file; nothing if it cannot be read."""
    with suppress(OSError, ValueError):
        return file.read_text(encoding="utf-8", errors="replace")
    return ""
