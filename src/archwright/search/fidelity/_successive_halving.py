"""Synchronous successive halving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, final

from archwright.errors import UserError
from archwright.search.fidelity._base import RANDOM, Base
from archwright.search.fidelity._ladder import Plan, bracket
from archwright.search.fidelity._synchronous import Synchronous
from archwright.space import Space
from archwright.trial import Objective


@final
class SuccessiveHalving(Synchronous):
    """Many candidates at a small budget, the best of them again at eta times that, until one is left.

    Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016;
    stages as in Hyperband (Li, Jamieson et al., JMLR 2018): stage i keeps max(floor(n eta^-i), 1) of n. Budgets are
    `max_budget` divided by powers of `eta`, down to at least `min_budget`.

    A promoted architecture is trained from its beginning on the schedule of the larger budget; nothing of the smaller
    training is reused, and both count as trials and cost. The answer is the best at the largest budget.

    Args:
        space: where to search.
        min_budget: least that an evaluation gets, in the unit of the estimator (epochs), above 0.
        max_budget: most. A run takes what its estimator spends by default.
        eta: reduction factor, above 1. Paper: 3 or 4.
        budgets: the budgets themselves, increasing, in place of the three above them (eta still counts candidates).
        candidates: n, new architectures at the smallest budget; None: eta^K for K + 1 budgets, so that one is left.
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
        candidates: int | None = None,
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
        if candidates is not None and candidates < 1:
            raise UserError(f"candidates must be at least 1, got {candidates}")
        self.candidates = candidates or round(eta ** (len(self.rungs) - 1))

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {**super().settings, "candidates": self.candidates}

    def plan(self, number: int) -> Plan:
        return bracket(self.rungs, self.candidates, self.eta)
