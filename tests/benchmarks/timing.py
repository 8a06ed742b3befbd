"""Contenders that do the same work, measured in turn: A B A B."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from tests.benchmarks.peak import Peak

_SECONDS, _TRIAL_SECONDS = 0.5, 0.2  # of one timing, at least
_PAUSE = 0.02  # before each: the pools of threads of whoever was measured before spin for some milliseconds

Work = Callable[[int], None]  # does so many units of work (training steps, windows, drawn tokens)
Item = TypeVar("Item")


@dataclass(frozen=True)
class Contender:
    """Someone who does the work in one way.

    tokens : of one unit of work. build : makes everything that is needed; only then memory is taken.
    """

    who: str
    setting: str
    tokens: int
    build: Callable[[], Work]

    def __str__(self) -> str:
        return f"{self.who} ({self.setting})" if self.setting else self.who


@dataclass(frozen=True)
class Race:
    """Tokens a second of each contender, and the machine's peak in GFLOP/s; one figure a round."""

    rates: dict[str, list[float]]
    peaks: list[float]


def over(items: list[Item], step: Callable[[Item], object]) -> Work:
    """Work whose units are step(item), for the items in turn."""
    turn = itertools.cycle(items)

    def work(units: int) -> None:
        for item in itertools.islice(turn, units):
            step(item)

    return work


def seconds_for(work: Work, units: int) -> float:
    """Of the clock on the wall."""
    time.sleep(_PAUSE)
    started = time.perf_counter()
    work(units)
    return time.perf_counter() - started


def fitting_units(work: Work, seconds: float) -> int:
    """How many units take about `seconds`; whatever is compiled or cached is so afterwards."""
    work(1)
    units = 1
    while (needed := seconds_for(work, units)) < seconds / 4:
        units *= 4
    return max(1, math.ceil(units * seconds / needed))


def fastest_settings(contenders: Iterable[Contender]) -> list[Contender]:
    """Of each one's settings the fastest in a short trial: the better of two, all settings in turn."""
    settings: dict[str, list[Contender]] = {}
    for contender in contenders:
        settings.setdefault(contender.who, []).append(contender)
    return [tried[0] if len(tried) == 1 else _fastest(tried) for tried in settings.values()]


def _fastest(contenders: list[Contender]) -> Contender:
    first, second = ([_seconds_a_token(contender) for contender in contenders] for _ in range(2))
    return contenders[int(np.argmin(np.minimum(first, second)))]


def _seconds_a_token(contender: Contender) -> float:
    work = contender.build()
    units = fitting_units(work, _TRIAL_SECONDS)
    return seconds_for(work, units) / (units * contender.tokens)


def race(contenders: Iterable[Contender], rounds: int, peak: Peak) -> Race:
    """Measure all contenders, and the peak beside them, `rounds` times in turn."""
    ready = [(contender, contender.build()) for contender in contenders]
    units = [fitting_units(work, _SECONDS) for _, work in ready]
    result = Race({str(contender): [] for contender, _ in ready}, [])
    for _ in range(rounds):
        result.peaks.append(peak.measure())
        for (contender, work), count in zip(ready, units, strict=True):
            rate = count * contender.tokens / seconds_for(work, count)
            result.rates[str(contender)].append(rate)
    return result
