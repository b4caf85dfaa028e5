"""What strategies that choose budgets have in common."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence

import numpy as np

from archwright.errors import UserError
from archwright.search._strategy import Proposal, Strategy
from archwright.search.fidelity._base import RANDOM, Base, described
from archwright.search.fidelity._ladder import given, ladder
from archwright.search.fidelity._learner import Learner
from archwright.search.fidelity._result import Result
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial


class MultiFidelity(Strategy):
    """Evaluates many architectures at a small budget and the better ones again at larger budgets.

    A promotion is a proposal of the same architecture with the larger budget: a trial of its own, trained from its
    beginning on the schedule of that budget, whose cost counts in full. Trials without a budget count as trials at the
    largest one. The first objective decides.

    Subclasses implement `_due` (promotions and places) and `_place`.
    """

    budgeted = True

    def __init__(
        self,
        space: Space,
        *,
        min_budget: float = 1.0,
        max_budget: float = 81.0,
        eta: float = 3.0,
        budgets: Sequence[float] | None = None,
        base: Base = RANDOM,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        self.eta = eta
        self.rungs = ladder(min_budget, max_budget, eta) if budgets is None else given(budgets)
        self.largest_budget = self.rungs[-1]
        self.base = base
        self._learner = Learner(
            base,
            space,
            objectives=self.objectives,
            limits=self.limits,
            seed=seed,
            enough=2 * (len(space.variables) + 1),
        )
        if self._learner.strategy.budgeted:
            raise UserError(f"the base of {type(self).__name__} must not choose budgets itself, got {base!r}")
        self._running: list[tuple[Arch, float, int]] = []  # asked and not told: what, budget, group (bracket)

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        rungs = ", ".join(f"{budget:.12g}" for budget in self.rungs)
        return {"budgets": rungs, "eta": self.eta, **described(self.base, self._learner.strategy)}

    def _propose(self, rng: np.random.Generator) -> Proposal:
        arch, budget, group = self._due()
        if arch is None:
            arch = self._learner.propose(self.made, rng)
        self._running.append((arch, budget, group))
        return Proposal(arch, budget)

    def _observe(self, trial: Trial) -> None:
        budget = self.rungs[-1] if trial.budget is None else self._rung(trial.budget)
        for asked in self._running:
            if asked[:2] == (trial.arch, budget):
                self._running.remove(asked)
                break
        self._learner.add(trial, budget)
        self._place(Result.of(trial, self.told, self.objectives[0], self.limits), budget)

    def _rung(self, budget: float) -> float:
        """The budget of the ladder that `budget` is up to rounding, else itself."""
        nearest = min(self.rungs, key=lambda rung: abs(rung - budget))
        return nearest if abs(nearest - budget) <= 1e-9 * nearest else budget

    @abc.abstractmethod
    def _due(self) -> tuple[Arch | None, float, int]:
        """What to evaluate next: a promoted architecture, or None for a new one; its budget; its group."""

    @abc.abstractmethod
    def _place(self, result: Result, budget: float) -> None:
        """Take note of a result at `budget`."""
