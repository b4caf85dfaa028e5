"""Strategies and problems that misbehave in a way that tests want."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from archwright.bench import Judge, Judgement, Problem
from archwright.search import Proposal, Strategy
from archwright.space import Arch, Ordinal, Space
from archwright.trial import Trial


class Counting(Problem):
    """The sum of two numbers from 0 to 9; 0 is best."""

    name = "counting"

    def __init__(self, noise: float = 0.0) -> None:
        space = Space([Ordinal("a", tuple(range(10))), Ordinal("b", tuple(range(10)))])
        super().__init__(space=space, optimum=0.0, noise=noise)

    def value(self, arch: Mapping[str, Any]) -> float:
        return float(arch["a"] + arch["b"])


class Ladder(Judge):
    """9 architectures whose number is their regret, by short (1) and long (4) training; 5 has no result."""

    def __init__(self) -> None:
        space = Space([Ordinal("a", tuple(range(9)))])
        super().__init__(name="ladder", dataset="steps", space=space, objective="accuracy", unit="steps")
        self.asked: list[tuple[int, float | None]] = []

    @property
    def about(self) -> dict[str, str]:
        return {"problem": "ladder"}

    @property
    def budgets(self) -> tuple[float, ...]:
        return (1.0, 4.0)

    @property
    def tested(self) -> bool:
        return True

    def __call__(self, arch: Arch, *, budget: float | None, seed: tuple[int, int]) -> Judgement:
        self.asked.append((arch["a"], budget))
        regret, full = float(arch["a"]), budget in (None, 4.0)
        return Judgement(
            metrics={} if arch["a"] == 5 else {"accuracy": -regret},
            loss=regret,
            valid_regret=regret,
            test_regret=10 * regret,
            cost=1.0 if full else 0.25,
            complete=full and arch["a"] != 5,
        )

    def random_search(self, budget: int) -> None:
        return None


class Downwards(Strategy):
    """8, 7, 6, ... of the ladder, each first short, then long."""

    def _propose(self, rng: np.random.Generator) -> Proposal:
        rung, full = divmod(self.made, 2)
        return Proposal(Arch({"a": 8 - rung % 9}), 4.0 if full else 1.0)

    def _observe(self, trial: Trial) -> None:
        pass


class Broken(Strategy):
    """Proposes three times, then fails like a mistake in its code."""

    def _propose(self, rng: np.random.Generator) -> Arch:
        if self.made == 3:
            raise ZeroDivisionError("by\nzero")
        return self.space.sample(rng)

    def _observe(self, trial: Trial) -> None:
        pass
