"""One line of a comparison of strategies."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.bench._judge import Judge
from archwright.bench._run import Run
from archwright.statistics import t_interval

RANDOM = "expected random search"
_JSON = ("strategy", "dataset", "valid_regret", "valid_low", "valid_high", "test_regret", "test_low", "test_high",
         "seconds")  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class StrategyRow:
    """What one strategy found with a budget, over seeds.

    Regrets are means over seeds of what the incumbent, chosen by the validation results that the search saw, loses
    against the best of the table or the optimum of the problem. Intervals are 95 % by Student's t, NaN for one seed.

    Args:
        strategy: its name, with its settings if they were given.
        problem, dataset: what was searched.
        unit: of the regrets.
        tested: whether there is a test result; if not, the test regret is the validation regret again.
        budget: evaluations at the longest training length.
        seeds: runs.
        valid_regret, valid_low, valid_high: at the end, by validation.
        test_regret, test_low, test_high: at the end, by test.
        seconds: spent in `ask` and `tell` during one run, the mean over seeds.
        area: validation regret averaged over the logarithm of the budget, from the first evaluation to the last; NaN
            where a run had no incumbent after the first one, as with short trainings.
        valid, test: (seeds, budget) regrets after 1, 2, ... evaluations, NaN before the first complete one; of expected
            random search (1, budget).
        failed: share of evaluations without a result.
    """

    strategy: str
    problem: str
    dataset: str
    unit: str
    tested: bool
    budget: int
    seeds: tuple[int, ...]
    valid_regret: float
    valid_low: float
    valid_high: float
    test_regret: float
    test_low: float
    test_high: float
    seconds: float
    area: float
    valid: NDArray[np.float64] = dataclasses.field(repr=False)
    test: NDArray[np.float64] = dataclasses.field(repr=False)
    failed: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Strategy, data set, regrets with their intervals and seconds, as JSON has them: NaN is None."""
        values = {name: getattr(self, name) for name in _JSON}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}

    @property
    def exact(self) -> bool:
        """Whether it is an expectation and not a mean of runs."""
        return not self.seeds


def of_runs(judge: Judge, strategy: str, runs: dict[int, Run], budget: int) -> StrategyRow:
    """The row of the runs of one strategy, by seed."""
    valid, test = (np.array([_curve(run, column, budget) for run in runs.values()]) for column in (1, 2))
    evaluations = sum(run.evaluations for run in runs.values())
    return _row(
        judge,
        strategy,
        valid,
        test,
        seeds=tuple(runs),
        seconds=float(np.mean([run.seconds for run in runs.values()])),
        failed=sum(run.failed for run in runs.values()) / max(1, evaluations),
    )


def of_random_search(judge: Judge, budget: int) -> StrategyRow | None:
    """The row of expected random search, None where that is not known."""
    curves = judge.random_search(budget)
    if curves is None:
        return None
    valid, test = (np.array([curve]) for curve in curves)
    return _row(judge, RANDOM, valid, test, seeds=(), seconds=0.0)


def _curve(run: Run, column: int, budget: int) -> list[float]:
    """The regret after 1, 2, ... `budget` evaluations: a step function, the last value carried forward."""
    values, last, steps = [], math.nan, list(run.steps)
    for cost in range(1, budget + 1):
        while steps and steps[0][0] <= cost + 1e-9:
            last = steps.pop(0)[column]
        values.append(last)
    return values


def _row(
    judge: Judge,
    strategy: str,
    valid: NDArray[np.float64],
    test: NDArray[np.float64],
    *,
    seeds: tuple[int, ...],
    seconds: float,
    failed: float = 0.0,
) -> StrategyRow:
    ends = {"valid": valid[:, -1], "test": test[:, -1]}
    intervals = {k: t_interval(v) if seeds else (float(v[0]), float(v[0])) for k, v in ends.items()}
    return StrategyRow(
        strategy=strategy,
        problem=judge.name,
        dataset=judge.dataset,
        unit=judge.unit,
        tested=judge.tested,
        budget=valid.shape[1],
        seeds=seeds,
        valid_regret=float(ends["valid"].mean()),
        valid_low=intervals["valid"][0],
        valid_high=intervals["valid"][1],
        test_regret=float(ends["test"].mean()),
        test_low=intervals["test"][0],
        test_high=intervals["test"][1],
        seconds=seconds,
        area=area(valid),
        valid=valid,
        test=test,
        failed=failed,
    )


def area(regrets: NDArray[np.float64]) -> float:
    """Mean of (runs, budget) regrets over the logarithm of the budget; NaN where a run had no incumbent at first."""
    n = np.arange(1, regrets.shape[1] + 1)
    weights = np.log(n + 1) - np.log(n)
    return float((regrets.mean(0) * weights).sum() / weights.sum())


def ranked(rows: Sequence[StrategyRow]) -> list[StrategyRow]:
    """Rows by data set in the order given, the smallest validation regret first; those without one last."""
    order = list(dict.fromkeys(row.dataset for row in rows))
    return sorted(
        rows,
        key=lambda row: (order.index(row.dataset), math.isnan(row.valid_regret), row.valid_regret, row.test_regret),
    )
