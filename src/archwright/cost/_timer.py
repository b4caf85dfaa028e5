"""Time samples of one or several calls, taken in turn, with what somebody else's work spoilt left out."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Sequence

SHARE = 0.95  # of the wall time that a calling thread must have had the processor for
DROP = 0.3  # more dropped samples than this: try again
TRIES = 3
_WINDOW = 10
_SETTLED = 0.02
_LEAST_SECONDS = 1e-3  # a sample repeats its call until it takes this long


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Seconds of one call, sample by sample.

    Args:
        seconds: wall time of a call, for each kept sample.
        loops: calls in a sample.
        warmup: calls made before.
        dropped: samples taken but left out.
        contended: more than 30 % had to be left out in every try: the kept ones are the least disturbed of all.
    """

    seconds: tuple[float, ...]
    loops: int
    warmup: int
    dropped: int
    contended: bool

    def quantile_ms(self, q: float) -> float:
        """Linear interpolation between the sorted samples, in milliseconds."""
        ordered = sorted(self.seconds)
        position = q * (len(ordered) - 1)
        low = math.floor(position)
        high = min(low + 1, len(ordered) - 1)
        return 1e3 * (ordered[low] + (position - low) * (ordered[high] - ordered[low]))


@dataclasses.dataclass(frozen=True, slots=True)
class _Round:
    wall: tuple[float, ...]  # seconds of a call, for each of the calls compared
    share: float  # smallest CPU time / wall time among them


def sample(
    calls: Sequence[Callable[[], object]], *, warmup: int, repeats: int, max_seconds: float, filtered: bool
) -> list[Samples]:
    """`repeats` samples of every call, taken in turn (A B A B ...).

    Each call first runs at least `warmup` times and until the median of its last 10 runs changes by less than 2 %. A
    sample repeats its call until it takes a millisecond. With `filtered`, rounds in which the calling thread had the
    processor for less than 95 % of the wall time are left out; with more than 30 % of them, all is tried again.

    Args:
        calls: functions without arguments that do all their work in the calling thread if `filtered`.
        warmup: least number of calls before sampling.
        repeats: samples wanted of each; fewer if `max_seconds` runs out, but at least 3.
        max_seconds: stop near this wall time.
        filtered: leave disturbed rounds out.
    """
    end = time.perf_counter() + max_seconds
    warmed = [_warm_up(call, warmup, time.perf_counter() + 0.3 * max_seconds / len(calls)) for call in calls]
    loops = [max(1, math.ceil(_LEAST_SECONDS / seconds)) for _, seconds in warmed]
    rounds: list[_Round] = []
    for _ in range(TRIES):
        taken = _take(calls, loops, repeats, end)
        rounds += taken
        kept = [r for r in taken if r.share >= SHARE] if filtered else taken
        calm = len(kept) >= (1 - DROP) * len(taken)
        if calm or time.perf_counter() > end:
            break
    if not calm:
        kept = sorted(rounds, key=lambda r: -r.share)[: max(3, min(repeats, len(rounds)))]
    return [
        Samples(
            seconds=tuple(r.wall[i] for r in kept),
            loops=loops[i],
            warmup=warmed[i][0],
            dropped=len(rounds) - len(kept),
            contended=not calm,
        )
        for i in range(len(calls))
    ]


def _warm_up(call: Callable[[], object], least: int, end: float) -> tuple[int, float]:
    """Number of runs until the time is steady, and that time."""
    runs: list[float] = []
    before = math.inf
    while True:
        start = time.perf_counter()
        call()
        runs.append(time.perf_counter() - start)
        if len(runs) % _WINDOW == 0 or time.perf_counter() > end:
            now = statistics.median(runs[-_WINDOW:])
            if (len(runs) >= least and abs(now - before) <= _SETTLED * now) or time.perf_counter() > end:
                return len(runs), max(now, 1e-9)
            before = now


def _take(calls: Sequence[Callable[[], object]], loops: Sequence[int], repeats: int, end: float) -> list[_Round]:
    rounds: list[_Round] = []
    while len(rounds) < repeats and (len(rounds) < 3 or time.perf_counter() < end):
        walls, shares = [], []
        for call, n in zip(calls, loops):
            cpu, start = time.thread_time(), time.perf_counter()
            for _ in range(n):
                call()
            wall = time.perf_counter() - start
            walls.append(wall / n)
            shares.append((time.thread_time() - cpu) / wall)
        rounds.append(_Round(tuple(walls), min(shares)))
    return rounds
