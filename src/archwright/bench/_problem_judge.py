"""A function as a judge of searches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from archwright.bench._judge import Curve, Judge, Judgement
from archwright.bench.problems import Problem
from archwright.space import Arch
from archwright.statistics import expected_maxima

_SAMPLE = 4096


@final
class ProblemJudge(Judge):
    """A problem: searches see it with its noise, the incumbent is judged without, against the optimum.

    Regrets are in the units of the problem, and the test regret is the validation regret. Expected random search is
    computed from 4096 random architectures, for problems that are cheap to evaluate.

    Args:
        problem: function to minimise.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(
            name=problem.name, dataset=problem.name, space=problem.space, objective="min:loss", unit=problem.unit
        )
        self.problem = problem

    @property
    def about(self) -> Mapping[str, Any]:
        return {"problem": self.name, "settings": self.problem.settings}

    @property
    def budgets(self) -> tuple[float, ...]:
        return ()

    @property
    def tested(self) -> bool:
        return False

    def __call__(self, arch: Arch, *, budget: float | None, seed: tuple[int, int]) -> Judgement:
        value = self.problem.value(arch)
        rng = np.random.default_rng((*seed, 2))
        seen = value + self.problem.noise * float(rng.standard_normal())
        regret = value - self.problem.optimum
        return Judgement(metrics={"loss": seen}, loss=seen, valid_regret=regret, test_regret=regret)

    def random_search(self, budget: int) -> tuple[Curve, Curve] | None:
        if not self.problem.cheap:
            return None
        rng = np.random.default_rng(0)
        values = [self.problem.value(self.space.sample(rng)) for _ in range(max(_SAMPLE, budget))]
        curve = (-expected_maxima(-np.array(values), budget) - self.problem.optimum).tolist()
        return curve, curve
