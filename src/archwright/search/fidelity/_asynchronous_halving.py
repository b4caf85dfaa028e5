"""Asynchronous successive halving."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from typing import Annotated, final

from archwright.search.fidelity._base import RANDOM, Base
from archwright.search.fidelity._multi_fidelity import MultiFidelity
from archwright.search.fidelity._result import Result
from archwright.space import Arch, Space
from archwright.trial import Objective


@final
class AsynchronousHalving(MultiFidelity):
    """ASHA: whoever is among the best 1 / eta at a budget gets the next larger one; nobody waits.

    Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht, Talwalkar, "A system for massively parallel hyperparameter
    tuning", MLSys 2020, algorithm 2; for architectures Li and Talwalkar, UAI 2019. From the largest budget but one
    downwards: of the floor(n / eta) best of the n results at a budget the first that was not promoted goes on. Promoted
    ones stay among the n. With a single budget it is the base strategy itself.

    A promoted architecture is trained from its beginning on the schedule of the larger budget; nothing of the smaller
    training is reused, and both count as trials and cost. The answer is the best at the largest budget reached.

    Args:
        space: where to search.
        min_budget: least that an evaluation gets, in the unit of the estimator (epochs), above 0.
        max_budget: most. A run takes what its estimator spends by default.
        eta: reduction factor, above 1. Paper: 4.
        budgets: the budgets themselves, increasing, in place of the first two (eta still decides who is promoted).
        base: strategy that proposes new architectures; it learns from the largest budget with enough results.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: a setting out of range, or a base that chooses budgets itself.
    """

    def __init__(
        self,
        space: Space,
        *,
        min_budget: float = 1.0,
        max_budget: float = 81.0,
        eta: float = 3.0,
        budgets: tuple[float, ...] | None = None,
        base: Annotated[Base, "strategy"] = RANDOM,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            space,
            min_budget=min_budget,
            max_budget=max_budget,
            eta=eta,
            budgets=budgets,
            base=base,
            objectives=objectives,
            limits=limits,
            seed=seed,
        )
        self._results: list[list[Result]] = [[] for _ in self.rungs]  # best first
        self._reached: list[set[Arch]] = [set() for _ in self.rungs]

    def _due(self) -> tuple[Arch | None, float, int]:
        for rung in range(len(self.rungs) - 2, -1, -1):
            above = self.rungs[rung + 1]
            gone = self._reached[rung + 1] | {arch for arch, budget, _ in self._running if budget == above}
            best = self._results[rung][: int(len(self._results[rung]) / self.eta + 1e-9)]
            for result in best:
                if result.promotable and result.arch not in gone:
                    return result.arch, above, 0
        return None, self.rungs[0], 0

    def _place(self, result: Result, budget: float) -> None:
        if budget in self.rungs:
            rung = self.rungs.index(budget)
            bisect.insort(self._results[rung], result)
            self._reached[rung].add(result.arch)
