"""Hyperband."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, final, get_args

from archwright.errors import UserError, nearest
from archwright.search.fidelity._base import RANDOM, Base
from archwright.search.fidelity._ladder import Plan, Rounding, hyperband_bracket
from archwright.search.fidelity._synchronous import Synchronous
from archwright.space import Space
from archwright.trial import Objective


@final
class Hyperband(Synchronous):
    """Brackets of successive halving, from many candidates at a small budget to few at the largest.

    Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar, "Hyperband", JMLR 2018. With `base` optuna-tpe it is the combination
    of Wang, Xu, Wang (2018, arXiv 1801.01596), save that the sampler learns from one budget at a time.

    Budgets, promotions and the answer are those of `SuccessiveHalving`: promoted architectures are trained from their
    beginning. A stage ends when all its trials have; who asks meanwhile gets proposals of the next bracket.

    Args:
        space: where to search.
        min_budget: least that an evaluation gets, in the unit of the estimator (epochs), above 0.
        max_budget: most, R of the paper. A run takes what its estimator spends by default.
        eta: reduction factor, above 1. Paper: 3.
        budgets: the budgets themselves, increasing, in place of the three above them (eta still counts candidates).
        rounding: of the number of candidates: `"floor"` as in the paper's table, `"ceil"` as in its algorithm.
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
        rounding: Rounding = "floor",
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
        if rounding not in get_args(Rounding):
            raise UserError(f"unknown rounding {rounding!r}{nearest(str(rounding), get_args(Rounding))}")
        self.rounding = rounding

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {**super().settings, "rounding": self.rounding}

    def plan(self, number: int) -> Plan:
        most = len(self.rungs) - 1
        return hyperband_bracket(self.rungs, most - number % (most + 1), self.eta, self.rounding)
