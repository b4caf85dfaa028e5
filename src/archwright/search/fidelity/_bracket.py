"""`Bracket`: one run of synchronous successive halving."""

from __future__ import annotations

from collections.abc import Collection
from typing import final

from archwright.search.fidelity._ladder import Plan
from archwright.search.fidelity._result import Result
from archwright.space import Arch


@final
class Bracket:
    """Candidates at one budget after the other; a stage begins when all results of the one before are there.

    Args:
        plan: budgets and sizes of the stages.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.stage = 0
        self.entrants: tuple[Arch, ...] = ()
        """Promoted to the present stage, best first; empty in the first stage, which takes any architecture."""
        self._results: list[Result] = []
        self._over = False

    @property
    def over(self) -> bool:
        """Whether nothing more is to be evaluated."""
        return self._over

    @property
    def budget(self) -> float:
        """Of the present stage."""
        return self.plan.budgets[self.stage]

    def vacancies(self, running: int) -> int:
        """New architectures that the first stage can still take; 0 in later stages.

        Args:
            running: that have been proposed for it, without a result.
        """
        return self.plan.sizes[0] - len(self._results) - running if self.stage == 0 else 0

    def waiting(self, running: Collection[Arch]) -> Arch | None:
        """The next promoted architecture that is neither judged nor `running` at the present stage."""
        judged = {result.arch for result in self._results}
        return next((arch for arch in self.entrants if arch not in judged and arch not in running), None)

    def place(self, result: Result, budget: float) -> bool:
        """Take a result that belongs here; the last one of a stage ends it. Whether it did belong here."""
        if self._over or budget != self.budget or not self._expected(result.arch):
            return False
        self._results.append(result)
        if len(self._results) == (len(self.entrants) if self.stage else self.plan.sizes[0]):
            self._advance()
        return True

    def _expected(self, arch: Arch) -> bool:
        if self.stage == 0:
            return True
        return arch in self.entrants and all(result.arch != arch for result in self._results)

    def _advance(self) -> None:
        """The best different architectures of the stage go on; failed and stopped ones never do."""
        self.stage += 1
        if self.stage == len(self.plan.budgets):
            self._over = True
            return
        better = sorted(result for result in self._results if result.promotable)
        kept = tuple(dict.fromkeys(result.arch for result in better))[: self.plan.sizes[self.stage]]
        self.entrants, self._results, self._over = kept, [], not kept
