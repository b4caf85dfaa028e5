"""Strategies that begin with the best-scored of a random pool."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import final

import numpy as np

from archwright.errors import UserError
from archwright.search._novelty import Novelty
from archwright.search._random import Random
from archwright.search._regularized_evolution import RegularizedEvolution
from archwright.search._strategy import Proposal, Strategy
from archwright.search._streams import Streams
from archwright.space import Arch, Space
from archwright.trial import Objective, Report, Trial

Scorer = Callable[[Arch], float]
"""A cheap number for an architecture, higher better, the same whenever it is asked; NaN ranks last."""
_POOL = 1  # streams of the pool, apart from those of proposals


@final
class Screened(Strategy):
    """Proposes the best-scored of a random pool, best first, then what another strategy proposes.

    The other strategy is told every trial, so that for one with an initial population the screened architectures are
    that population. The pool is drawn and scored at the first proposal that needs it; a continued run scores it again.

    Args:
        inner: a new strategy; space, objectives, limits and seed are its own.
        scorer: architecture to a number, higher better.
        pool: different architectures to score, fewer if the space has fewer.
        first: how many of them are proposed, at most `pool`; None: all.

    Raises:
        UserError: no scorer, or `first` not from 1 to `pool`.
    """

    def __init__(
        self, inner: Strategy, *, scorer: Scorer | None = None, pool: int = 1000, first: int | None = None
    ) -> None:
        super().__init__(inner.space, objectives=inner.objectives, limits=inner.limits, seed=inner.seed)
        if scorer is None:
            raise UserError("a pool is ranked by a score: give scorer, a function from an architecture to a number")
        if not 1 <= (pool if first is None else first) <= pool:
            raise UserError(f"first must be from 1 to pool={pool}, got {first if first is not None else pool}")
        self.inner = inner
        self.budgeted, self.largest_budget, self.curved = inner.budgeted, inner.largest_budget, inner.curved
        self.scorer = scorer
        self.pool = pool
        self.first = pool if first is None else first
        self._ranked: list[Arch] | None = None

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {**self.inner.settings, "pool": self.pool, "first": self.first}

    @property
    def ranked(self) -> list[Arch]:
        """The architectures that are proposed first, best-scored first; of equals the one drawn first."""
        if self._ranked is None:
            pool = self._drawn()
            scores = {arch: float(self.scorer(arch)) for arch in pool}
            pool.sort(key=lambda arch: math.inf if math.isnan(scores[arch]) else -scores[arch])
            self._ranked = pool[: self.first]
        return self._ranked

    def should_stop(self, trial: Trial, report: Report) -> bool:
        return self.inner.should_stop(trial, report)

    def _drawn(self) -> list[Arch]:
        """Different random architectures, in the order in which they were drawn."""
        streams, novelty, pool = Streams(self.seed, _POOL), Novelty(self.space), dict[Arch, None]()
        for number in range(self.pool):
            rng = streams[number]
            arch = novelty.first(lambda: self.space.sample(rng), rng)  # noqa: B023  called at once
            if arch in pool:  # the space has no more
                break
            pool[arch] = None
        return list(pool)

    def _propose(self, rng: np.random.Generator) -> Arch | Proposal:
        if self.made < self.first and self.made < len(self.ranked):
            arch = self.ranked[self.made]
            return arch if self.largest_budget is None else Proposal(arch, self.largest_budget)
        self.inner.skip_to(self.made)
        return self.inner.ask()

    def _observe(self, trial: Trial) -> None:
        self.inner.tell(trial)


def screening(
    space: Space,
    *,
    scorer: Scorer | None = None,
    pool: int = 300,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Screened:
    """Score many, evaluate the best: candidates in the order of a cheap score of a random pool.

    The two stages of KNAS (Xu et al. 2021): s = `pool` candidates are scored, and the number of trials is k. Trials
    beyond the pool are random.

    Args:
        space: where to search.
        scorer: architecture to a number, higher better.
        pool: different architectures to score. KNAS: 300, drawn with repetition.
        objectives: not used; kept for the study.
        limits: not used; kept for the study.
        seed: non-negative integer.
    """
    inner = Random(space, objectives=objectives, limits=limits, seed=seed)
    return Screened(inner, scorer=scorer, pool=pool)


def area(
    space: Space,
    *,
    scorer: Scorer | None = None,
    pool: int = 1000,
    population: int = 64,
    sample: int = 10,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Screened:
    """Assisted regularised evolution: the first population is the best-scored of a random pool.

    Mellor, Turner, Storkey and Crowley (2021), "Neural Architecture Search without Training", with NASWOT as the score.

    Args:
        space: where to search.
        scorer: architecture to a number, higher better.
        pool: different architectures to score, at least `population`.
        population: living trials P.
        sample: tournament size S.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.
    """
    inner = RegularizedEvolution(
        space, population=population, sample=sample, objectives=objectives, limits=limits, seed=seed
    )
    return Screened(inner, scorer=scorer, pool=pool, first=population)
