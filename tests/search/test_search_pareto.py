"""The trade-off curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archwright.search import pareto
from archwright.space import Arch
from archwright.trial import Trial

GOALS = ("accuracy", "params")


def make(*pairs: tuple[float, float]) -> list[Trial]:
    return [
        Trial(number=i, arch=Arch({"i": i}), metrics={"accuracy": float(a), "params": float(p)})
        for i, (a, p) in enumerate(pairs)
    ]


def hypervolume(points: list[tuple[float, float]], reference: tuple[float, float]) -> float:
    """Area of accuracy above and params below `reference` that the points dominate."""
    area, floor = 0.0, reference[0]
    for accuracy, params in sorted(points, key=lambda p: p[1]):
        if accuracy > floor and params < reference[1]:
            area += (accuracy - floor) * (reference[1] - params)
            floor = accuracy
    return area


def test_pareto_by_hand() -> None:
    trials = make((90, 50), (95, 80), (80, 60), (95, 90), (70, 10))
    assert [t.number for t in pareto(trials, GOALS)] == [1, 0, 4]


def test_pareto_of_one_objective_is_the_best() -> None:
    assert [t.number for t in pareto(make((90, 50), (95, 80), (80, 60)))] == [1]


def test_pareto_respects_limits() -> None:
    trials = make((90, 50), (95, 80), (70, 10))
    assert [t.number for t in pareto(trials, GOALS, {"params": 60})] == [0, 2]
    assert pareto(trials, GOALS, {"params": 5}) == []
    assert pareto(trials, GOALS, {"latency_ms": 5}) == [], "a limit on an unknown metric is not met"


def test_pareto_of_nothing() -> None:
    assert pareto([], GOALS) == []


@pytest.mark.parametrize("state", ["failed", "refused", "stopped"])
def test_pareto_takes_complete_trials_only(state: str) -> None:
    best = Trial(number=9, arch=Arch({}), state=state, metrics={"accuracy": 99.0, "params": 1.0})  # type: ignore[arg-type]
    assert [t.number for t in pareto([*make((90, 50)), best], GOALS)] == [0]


def test_pareto_keeps_equal_results_of_different_architectures_once_each() -> None:
    first, second = make((90, 50), (90, 50))
    again = Trial(number=2, arch=first.arch, metrics=first.metrics)
    assert pareto([again, second, first], GOALS) == [first, second]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_pareto_keeps_the_hypervolume_with_nothing_to_spare(pairs: list[tuple[float, float]]) -> None:
    kept = {(t.metrics["accuracy"], t.metrics["params"]) for t in pareto(make(*pairs), GOALS)}
    whole = hypervolume(pairs, (-1, 10))
    assert hypervolume(list(kept), (-1, 10)) == whole
    assert all(hypervolume(list(kept - {point}), (-1, 10)) < whole for point in kept)


def test_pareto_of_many_trials_is_quick() -> None:
    rng = np.random.default_rng(0)
    trials = make(*rng.random((20_000, 2)).tolist())
    front = pareto(trials, GOALS)
    assert 3 < len(front) < 50


def test_smaller_budgets_are_not_compared() -> None:
    trials = [
        Trial(number=n, arch=Arch({"i": n}), budget=budget, metrics={"accuracy": accuracy, "params": params})
        for n, (budget, accuracy, params) in enumerate([(1, 99, 1), (9, 80, 5), (9, 90, 6), (27, 99, 50)])
    ]
    assert [t.number for t in pareto(trials, GOALS)] == [3]
    assert [t.number for t in pareto(trials, GOALS, {"params": 10})] == [2, 1]
