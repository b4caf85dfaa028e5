"""`Learner`: new architectures from any strategy that is shown comparable results only."""

from __future__ import annotations

from typing import final

import numpy as np

from archwright.search._novelty import Novelty
from archwright.search._strategy import Proposal, Strategy
from archwright.search.fidelity._base import Base, built
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial


@final
class Learner:
    """Asks a base strategy for architectures that are new at every budget.

    Results at different budgets cannot be compared, so the base is told those at one budget: the largest that has
    enough of them (BOHB: Falkner, Klein, Hutter 2018, section 4.1), else the one that has most. It is built anew after
    every told trial, so that it depends on told trials alone.

    Args:
        base: strategy to build.
        space, objectives, limits, seed: for it.
        enough: results at one budget.
    """

    def __init__(
        self,
        base: Base,
        space: Space,
        *,
        objectives: tuple[Objective, ...],
        limits: dict[str, float],
        seed: int,
        enough: int,
    ) -> None:
        self.base = base
        self.enough = enough
        self._space, self._objectives, self._limits, self._seed = space, objectives, limits, seed
        self._novelty = Novelty(space)
        self._trials: dict[float, list[Trial]] = {}
        self.strategy = self._built()
        """The base as it is now."""
        self._current = False

    @property
    def budget(self) -> float | None:
        """Where the base learns from; None before the first result."""
        modelled = [budget for budget, trials in self._trials.items() if len(trials) >= self.enough]
        if modelled:
            return max(modelled)
        return max(self._trials, key=lambda budget: (len(self._trials[budget]), budget), default=None)

    def propose(self, number: int, rng: np.random.Generator) -> Arch:
        """An architecture that was not seen before, while there are any.

        Args:
            number: of the proposal.
            rng: its stream.
        """
        if not self._current:
            self.strategy = self._built()
            for trial in self._trials.get(self.budget or 0.0, ()):
                self.strategy.tell(trial)
            self._current = True
        self.strategy.skip_to(number)
        return self._novelty.first(self._asked, rng)

    def add(self, trial: Trial, budget: float) -> None:
        """Take note of a finished trial."""
        self._trials.setdefault(budget, []).append(trial)
        self._novelty.add(trial.arch)
        self._current = False

    def _asked(self) -> Arch:
        proposal = self.strategy.ask()
        return proposal.arch if isinstance(proposal, Proposal) else proposal

    def _built(self) -> Strategy:
        return built(self.base, self._space, objectives=self._objectives, limits=self._limits, seed=self._seed)
