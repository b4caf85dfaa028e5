"""One run of one strategy."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from archwright.bench._entrant import Entrant
from archwright.bench._judge import Judge, Judgement
from archwright.search import Proposal, Strategy
from archwright.space import Arch
from archwright.trial import Report, Trial

_DRAWS = 100
_NEVER = 1000  # evaluations for the cost of one, after which a strategy is not going to get anywhere


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of a strategy found.

    Args:
        steps: (cost so far, validation regret, test regret) at each new incumbent.
        seconds: spent in `ask` and `tell`.
        evaluations: how many were made, of any length.
        failed: those without a result.
    """

    steps: tuple[tuple[float, float, float], ...]
    seconds: float
    evaluations: int
    failed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Run:
        """What `as_dict` wrote, among other things."""
        known = {field.name: values[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**known, "steps": tuple(tuple(map(float, step)) for step in values["steps"])})


def run(judge: Judge, entrant: Entrant, *, budget: int, seed: int, initial: int = 0) -> Run:
    """Search until the budget is spent.

    Args:
        judge: table or problem.
        entrant: strategy.
        budget: evaluations at the longest training length; a shorter one costs its share.
        seed: of the strategy, of the initial design and of the noise.
        initial: the first evaluations are so many random architectures, the same for every strategy; it is told them.

    Raises:
        UserError: the strategy cannot search this space.
    """
    strategy = entrant.build(judge, seed)
    steps: list[tuple[float, float, float]] = []
    spent, seconds, best, number, failed = 0.0, 0.0, math.inf, 0, 0
    for proposal in _proposals(judge, strategy, initial, seed):
        arch, length, asking = proposal
        seen = judge(arch, budget=length, seed=(seed, number))
        spent += seen.cost
        if spent > budget + 1e-9:
            break
        if seen.complete and seen.loss < best:
            best = seen.loss
            steps.append((spent, seen.valid_regret, seen.test_regret))
        failed += not seen.metrics
        trial = _trial(number, arch, length, seen)
        start = time.perf_counter()
        strategy.tell(trial)
        seconds += asking + time.perf_counter() - start
        number += 1
        if spent > budget - 1e-9 or number > _NEVER * budget:
            break
    return Run(steps=tuple(steps), seconds=seconds, evaluations=number, failed=failed)


def _proposals(judge: Judge, strategy: Strategy, initial: int, seed: int) -> Iterator[tuple[Arch, float | None, float]]:
    """Architecture, training length and the seconds of asking; without end."""
    for arch in design(judge, initial, seed):
        yield arch, None, 0.0
    while True:
        start = time.perf_counter()
        proposal = strategy.ask()
        seconds = time.perf_counter() - start
        if isinstance(proposal, Proposal):
            yield proposal.arch, proposal.budget, seconds
        else:
            yield proposal, None, seconds


def design(judge: Judge, initial: int, seed: int) -> list[Arch]:
    """`initial` different random architectures, fewer if the space looks as if it had no more."""
    rng, drawn = np.random.default_rng((seed, 1)), dict[Arch, None]()
    for _ in range(_DRAWS * initial):
        drawn[judge.space.sample(rng)] = None
        if len(drawn) == initial:
            break
    return list(drawn)


def _trial(number: int, arch: Arch, budget: float | None, seen: Judgement) -> Trial:
    if not seen.metrics:
        return Trial(number=number, arch=arch, state="failed", budget=budget, source="bench", error="no result")
    report = Report(step=round(budget or 1), metrics=seen.metrics)
    return Trial(number=number, arch=arch, metrics=seen.metrics, reports=(report,), budget=budget, source="bench")
