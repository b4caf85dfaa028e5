"""Cycles of a mapped layer: computing, stalls at ports, first load, last store."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from archwright.cost.accelerator._accelerator import Accelerator
from archwright.cost.accelerator._layer import OPERANDS, Operand
from archwright.cost.accelerator._memory import Port
from archwright.cost.accelerator._transfers import Transfer

_INWARDS = ("read", "fill")


@dataclasses.dataclass(frozen=True, slots=True)
class Cycles:
    """Where the time of a layer goes.

    Args:
        computing: steps in time, without waiting.
        stalls: waiting for the busiest port.
        loading: before the first step.
        storing: after the last step.
    """

    computing: int
    stalls: int
    loading: int
    storing: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.computing + self.stalls + self.loading + self.storing


@dataclasses.dataclass(frozen=True, slots=True)
class Activity:
    """Something a port does during computing: `needed` cycles in the last `window` of each of `times` periods."""

    needed: int
    window: int
    period: int
    times: int


def cycles(accelerator: Accelerator, transfers: Sequence[Transfer], computing: int) -> Cycles:
    """Of a mapping that takes `computing` steps.

    The first transfer of an operand comes before the first step and the last of the results after the last step. What
    is moved only once waits for as little as possible: a memory of one unit for what a step uses, one shared by several
    for its whole content, the results for their last tile; the rest is moved while computing.
    """
    ports: dict[tuple[int, Port], list[Activity]] = {}
    begin: dict[tuple[int, Port], int] = {}
    along: dict[tuple[Operand, int], int] = {}
    for t in transfers:
        port = accelerator.memories[t.memory].port(t.operand, t.flow)
        needed = port.cycles(t.load)
        back = t.operand == "O" and t.flow in _INWARDS
        first = 0 if back else port.cycles(t.first * t.bits)
        if t.times > 1:
            during = Activity(needed, t.window, t.period, t.times - 1)
        else:
            window = t.window if t.operand == "O" else computing
            during = Activity(needed - first, window, computing, 1)
        key = (t.memory, port)
        ports.setdefault(key, []).append(during)
        if t.boundary:
            along[t.operand, t.boundary] = max(along.get((t.operand, t.boundary), 0), first)
            if t.operand != "O":
                begin[key] = begin.get(key, 0) + first
    chains = {o: sum(n for (name, _), n in along.items() if name == o) for o in OPERANDS}
    return Cycles(
        computing=computing,
        stalls=max((stall(found, computing) for found in ports.values()), default=0),
        loading=max([chains["W"], chains["I"], *begin.values()]),
        storing=chains["O"],
    )


def stall(activities: Sequence[Activity], computing: int) -> int:
    """Cycles by which a port's work exceeds the windows it may be done in.

    Late activities delay by what they need beyond their windows; the others by what they need beyond the union of all
    windows (Mei et al., DATE 2022, section 4). Periods divide one another, as they come from one loop nest.
    """
    late = sum(max(0, a.needed - a.window) * a.times for a in activities)
    early = sum(min(0, a.needed - a.window) * a.times for a in activities)
    windows = sum(a.window * a.times for a in activities)
    return late + max(0, early + windows - union(activities, computing))


def union(activities: Sequence[Activity], computing: int) -> int:
    """Cycles in which at least one of the windows is open."""
    ordered = sorted(activities, key=lambda a: a.period)
    return _covered(ordered, computing)


def _covered(ordered: Sequence[Activity], last: int) -> int:
    """Open cycles among the `last` ones before the end of a period of all of them."""
    if not ordered or last <= 0:
        return 0
    *shorter, longest = ordered
    whole, rest = divmod(last, longest.period)

    def tail(n: int) -> int:
        if n <= longest.window:
            return n
        return longest.window + _covered(shorter, n) - _covered(shorter, longest.window)

    return whole * tail(longest.period) + tail(rest)
