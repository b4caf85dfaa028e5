"""Local search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from archwright.errors import UserError
from archwright.search._fitness import fitness
from archwright.search._novelty import Novelty
from archwright.search._strategy import Strategy
from archwright.space import Arch, Real, Space
from archwright.trial import Objective, Trial

_DRAWS = 32


@final
class LocalSearch(Strategy):
    """First improvement with restarts: move to the first neighbour that is better, start anew where none is.

    As White, Nolen and Savani (2021), "Exploring the Loss Landscape in Neural Architecture Search", use it, with the
    neighbours (`Space.neighbours`) in random order, those evaluated before left out. A `Real` has no neighbours: each
    active one is moved `steps` times by a random step instead. Trials that break a limit lose against those that do
    not, and among themselves by the size of the violation. Only the first objective counts. Nothing is proposed twice
    while the space has others; a batch that is larger than what is left of a neighbourhood is filled at random.

    Args:
        space: where to search.
        start: random architectures that a climb begins with, at the best of which it starts; at least 1. On
            NAS-Bench-201 3 to 10 are better than 1.
        steps: random steps for each active `Real` of a point, at least 0.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        start: int = 3,
        steps: int = 4,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        if start < 1:
            raise UserError(f"start must be at least 1, got {start}")
        if steps < 0:
            raise UserError(f"steps must be at least 0, got {steps}")
        self.start = start
        self.steps = steps
        self._reals = {v.name: v for v in space.variables if isinstance(v, Real) and v.low < v.high}
        self._novelty = Novelty(space)
        self._known: set[Arch] = set()
        self._centre: Arch | None = None
        self._rank: tuple[float, ...] = ()
        self._drawn = 0  # random architectures that the present climb was told
        self._around: dict[Arch, None] = {}  # neighbours of the centre nobody has told
        self._moves = 0  # random steps of the centre nobody has told

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {"start": self.start, "steps": self.steps}

    @property
    def centre(self) -> Arch | None:
        """Where the present climb stands; None before the first trial."""
        return self._centre

    def _propose(self, rng: np.random.Generator) -> Arch:
        centre = self._centre
        if centre is not None and self._drawn >= self.start:
            free = [arch for arch in self._around if arch not in self._novelty]
            moves = max(self._moves - len(self._pending) + len(self._around) - len(free), 0)
            at = int(rng.random() * (len(free) + moves))
            arch = free[at] if at < len(free) else self._moved(centre, rng) if moves else None
            if arch is not None:
                self._novelty.add(arch)
                return arch
        return self._novelty.first(lambda: self.space.sample(rng), rng)

    def _moved(self, centre: Arch, rng: np.random.Generator) -> Arch | None:
        """`centre` with one `Real` changed; None if constraints refuse what was tried."""
        names = [name for name in self._reals if name in centre]
        for _ in range(_DRAWS):
            name = names[int(rng.random() * len(names))]
            arch = Arch({**centre, name: self._reals[name].other(centre[name], rng)})
            if arch not in self._known and arch in self.space:
                return arch
        return None

    def _observe(self, trial: Trial) -> None:
        arch, rank = trial.arch, fitness(trial, self.objectives[:1], self.limits)
        if self._drawn >= self.start and not self._around and self._moves <= 0:
            self._drawn, self._centre = 0, None
        self._known.add(arch)
        self._novelty.add(arch)
        climbing = self._drawn >= self.start
        if not climbing:
            self._drawn += 1
        elif arch in self._around:
            del self._around[arch]
        else:
            self._moves -= 1
        better = self._centre is None or rank < self._rank
        if better:
            self._centre, self._rank = arch, rank
        if self._drawn >= self.start and (better or not climbing):
            self._look_around()

    def _look_around(self) -> None:
        assert self._centre is not None
        self._around = {arch: None for arch in self.space.neighbours(self._centre) if arch not in self._known}
        self._moves = self.steps * sum(name in self._centre for name in self._reals)
