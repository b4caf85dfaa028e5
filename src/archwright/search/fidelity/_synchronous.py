"""Brackets one after the other."""

from __future__ import annotations

import abc
from typing import Any

from archwright.search.fidelity._bracket import Bracket
from archwright.search.fidelity._ladder import Plan
from archwright.search.fidelity._multi_fidelity import MultiFidelity
from archwright.search.fidelity._result import Result
from archwright.space import Arch, Space


class Synchronous(MultiFidelity):
    """A stage of a bracket ends when all its trials have; who asks meanwhile gets proposals of the next bracket.

    Subclasses implement `plan`.
    """

    def __init__(self, space: Space, **settings: Any) -> None:
        super().__init__(space, **settings)
        self._opened = 0
        self._open: dict[int, Bracket] = {}

    @abc.abstractmethod
    def plan(self, number: int) -> Plan:
        """Of bracket `number`, counted from 0."""

    def _due(self) -> tuple[Arch | None, float, int]:
        for number, bracket in self._open.items():
            running = [(arch, budget) for arch, budget, group in self._running if group == number]
            archs = {arch for arch, budget in running if budget == bracket.budget}
            if arch := bracket.waiting(archs):
                return arch, bracket.budget, number
            if bracket.vacancies(len(running)) > 0:
                return None, bracket.budget, number
        number, bracket = self._begin()
        return None, bracket.budget, number

    def _place(self, result: Result, budget: float) -> None:
        """A result belongs to the oldest bracket that promoted its architecture, else to the oldest with a place."""
        brackets = list(self._open.items())
        brackets.sort(key=lambda item: item[1].stage == 0)
        placed = any(bracket.place(result, budget) for _, bracket in brackets)
        while not placed and self._ahead(budget):
            placed = self._begin()[1].place(result, budget)
        for number in [number for number, bracket in self._open.items() if bracket.over]:
            del self._open[number]

    def _ahead(self, budget: float) -> bool:
        """Whether a bracket that was not begun, of the next round of them, begins at `budget`."""
        return any(self.plan(self._opened + k).budgets[0] == budget for k in range(len(self.rungs)))

    def _begin(self) -> tuple[int, Bracket]:
        number, bracket = self._opened, Bracket(self.plan(self._opened))
        self._open[number] = bracket
        self._opened += 1
        return number, bracket
