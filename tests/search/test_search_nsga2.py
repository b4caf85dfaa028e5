"""Constrained NSGA-II."""

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search import NSGA2, Random, Strategy, pareto
from archwright.space import Arch, Ordinal, Space
from archwright.trial import Trial

GRID = Space([Ordinal("a", range(40)), Ordinal("b", range(40)), Ordinal("c", range(10))])
GOALS = ("accuracy", "params")


def evaluate(arch: Arch) -> dict[str, float]:
    """Front: c = 0 and a = b."""
    a, b, c = arch["a"] / 39, arch["b"] / 39, arch["c"]
    return {"accuracy": a + b - (a - b) ** 2 - c, "params": a + b + c}


def drive(strategy: Strategy, count: int) -> list[Trial]:
    trials = []
    for number in range(count):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        trials.append(Trial(number=number, arch=arch, metrics=evaluate(arch)))
        strategy.tell(trials[-1])
    return trials


def area(trials: list[Trial]) -> float:
    """Hypervolume above accuracy -0.1 and below params 2.1, as a share of the box."""
    total, floor = 0.0, -0.1
    for t in sorted(pareto(trials, GOALS), key=lambda t: t.metrics["params"]):
        if t.metrics["accuracy"] > floor and t.metrics["params"] < 2.1:
            total += (t.metrics["accuracy"] - floor) * (2.1 - t.metrics["params"])
            floor = t.metrics["accuracy"]
    return total / 2.1**2


def test_covers_the_front_better_than_chance() -> None:
    ours = [area(drive(NSGA2(GRID, objectives=GOALS, seed=s), 400)) for s in range(3)]
    chance = [area(drive(Random(GRID, objectives=GOALS, seed=s), 400)) for s in range(3)]
    assert min(ours) > max(chance), (ours, chance)


def test_one_objective_converges() -> None:
    best = max(drive(NSGA2(GRID, seed=0), 400), key=lambda t: t.metrics["accuracy"])
    assert best.metrics["accuracy"] > 1.9


def test_limits_steer_towards_the_feasible_corner() -> None:
    limits = {"params": 0.8}  # met by 3 % of the space
    trials = drive(NSGA2(GRID, objectives=GOALS, limits=limits, seed=0), 400)
    feasible = [t.metrics["params"] <= 0.8 for t in trials]
    assert np.mean(feasible[:32]) < 0.1
    assert np.mean(feasible[100:]) > 0.2
    assert max(t.metrics["accuracy"] for t in pareto(trials, GOALS, limits)) > 0.75


def test_survivors_are_the_best_of_everything_told() -> None:
    strategy = NSGA2(GRID, population=5, limits={"params": 1.0})
    trials = drive(strategy, 60)
    ranked = sorted(trials, key=lambda t: (max(t.metrics["params"] - 1, 0), -t.metrics["accuracy"]))
    values = sorted(evaluate(a)["accuracy"] for a in strategy.members)
    assert values == pytest.approx(sorted(t.metrics["accuracy"] for t in ranked[:5]))


def test_survivors_do_not_depend_on_the_batch() -> None:
    trials = drive(NSGA2(GRID, objectives=GOALS), 80)
    told = NSGA2(GRID, objectives=GOALS)
    for trial in trials:
        told.tell(trial)
    one_by_one = NSGA2(GRID, objectives=GOALS)
    for trial in trials:
        one_by_one.ask()
        one_by_one.tell(trial)
    assert told.members == one_by_one.members


def test_mutation_rate_of_one_changes_every_variable() -> None:
    strategy = NSGA2(GRID, population=2, crossover=0.0, mutation=1.0)
    drive(strategy, 2)
    child = strategy.ask()
    assert any(all(child[n] != parent[n] for n in GRID.names) for parent in strategy.members)  # type: ignore[index]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 1}, "population must be at least 2, got 1"),
        ({"crossover": 1.1}, r"crossover must be in \[0, 1\], got 1.1"),
        ({"mutation": 0.0}, r"mutation must be in \(0, 1\] or None, got 0.0"),
    ],
)
def test_settings_out_of_range(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        NSGA2(GRID, **settings)  # type: ignore[arg-type]
