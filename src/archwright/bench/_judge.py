"""What a search is judged by."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from archwright.space import Arch, Space

Curve = Sequence[float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One evaluation.

    Args:
        metrics: what the search is told; empty: the evaluation failed.
        loss: by which incumbents are chosen, to minimise: the validation result that the search saw.
        valid_regret, test_regret: what is lost against the best, by the truth behind `loss` and by the test result.
        cost: in evaluations at the longest budget.
        complete: whether it was one, so that the architecture may become the incumbent.
    """

    metrics: Mapping[str, float]
    loss: float
    valid_regret: float
    test_regret: float
    cost: float = 1.0
    complete: bool = True


class Judge(ABC):
    """A table or a function as strategies see it, and as their answers are judged.

    Args:
        name: of the table or problem.
        dataset: what the networks were trained on; of a problem, its own name.
        space: where to search.
        objective: what a strategy is to improve.
        unit: of the regrets.
    """

    def __init__(self, *, name: str, dataset: str, space: Space, objective: str, unit: str) -> None:
        self.name = name
        self.dataset = dataset
        self.space = space
        self.objective = objective
        self.unit = unit

    @property
    @abstractmethod
    def about(self) -> Mapping[str, Any]:
        """What fixes the results, as plain values."""

    @property
    @abstractmethod
    def budgets(self) -> tuple[float, ...]:
        """Training lengths that a strategy may ask for, increasing; empty: there is only one."""

    @property
    @abstractmethod
    def tested(self) -> bool:
        """Whether there is a test result; else `test_regret` equals `valid_regret`."""

    @abstractmethod
    def __call__(self, arch: Arch, *, budget: float | None, seed: tuple[int, int]) -> Judgement:
        """Evaluate `arch`.

        Args:
            arch: member of the space.
            budget: as the strategy asked; None: the longest.
            seed: of the run, and the number of the evaluation in it; they fix the noise.
        """

    @abstractmethod
    def random_search(self, budget: int) -> tuple[Curve, Curve] | None:
        """Expected validation and test regret of random search after 1 to `budget` evaluations, if that is known."""
