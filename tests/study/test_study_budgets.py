"""Strategies that choose budgets or end trials early, in a study."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archwright.errors import UserError
from archwright.estimate import Estimator, Table, WithCosts
from archwright.search import AsynchronousHalving, Hyperband, LearningCurveStopping, MedianStopping
from archwright.space import Arch, Space
from archwright.study import Study
from archwright.trial import Report


class Curves(Estimator):
    """The final accuracy comes late: after few epochs everybody looks better the smaller it is."""

    source = "curves"

    def __init__(self, budget: float | None = 9.0, budgets: tuple[float, ...] = ()) -> None:
        self.budget, self.budgets = budget, budgets

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        epochs = round(budget or self.budget or 9)
        end = arch["depth"] * arch["width"] / 4 + arch["k"] / 4
        for epoch in range(1, epochs + 1):
            early = 90 - end if epochs < 3 else end
            yield Report(step=epoch, metrics={"accuracy": early * (1 - 0.5 / epoch)})


def test_the_answer_is_the_best_at_the_largest_budget(space: Space) -> None:
    study = Study(space, "hyperband", Curves()).run(trials=40)
    assert Counter(t.budget for t in study.trials) == {1: 18, 3: 12, 9: 10}
    top = [t for t in study.trials if t.budget == 9]
    assert study.best == max(top, key=lambda t: t.metrics["accuracy"])
    assert study.best.metrics["accuracy"] < max(t.metrics["accuracy"] for t in study.trials)
    assert {t.budget for t in study.pareto()} == {9}


def test_before_anybody_reached_it_the_largest_so_far_counts(space: Space) -> None:
    study = Study(space, "successive-halving", Curves()).run(trials=10)
    assert study.best.budget == 3


@pytest.mark.parametrize("kind", ["successive-halving", "asynchronous-halving", "hyperband", "bohb", "median-stopping"])
def test_budgets_come_from_the_estimator(space: Space, kind: str) -> None:
    study = Study(space, kind, Curves(budget=4)).run(trials=1)
    assert study.trials[0].budget == (None if kind == "median-stopping" else pytest.approx(4 / 3))


def test_only_the_budgets_of_a_table_are_asked_for(space: Space) -> None:
    study = Study(space, Hyperband, WithCosts(Curves(budgets=(2, 7)), lambda arch: {"params": 1.0})).run(trials=12)
    assert Counter(t.budget for t in study.trials) == {2: 6, 7: 6}


@pytest.mark.parametrize("batch", [1, 4])
def test_a_stored_study_goes_on_with_its_budgets(space: Space, tmp_path: Path, batch: int) -> None:
    def study(storage: Path | None) -> Study:
        return Study(space, Hyperband, Curves(), storage=storage, seed=2, batch=batch)

    whole = study(None).run(trials=30)
    for trials in (7, 13, 30):
        parts = study(tmp_path / "study.db").run(trials=trials)
    assert [(t.arch, t.budget, t.metrics) for t in parts.trials] == [
        (t.arch, t.budget, t.metrics) for t in whole.trials
    ]
    assert parts.best.arch == whole.best.arch
    with pytest.raises(UserError, match=r"strategy\.eta"):
        Study(
            space, Hyperband(space, max_budget=9, eta=2), Curves(), storage=tmp_path / "study.db", seed=2, batch=batch
        )


def test_given_architectures_are_judged_like_the_answer(space: Space) -> None:
    first = space.arch({"depth": 4, "width": 40, "k": 11})
    study = Study(space, "hyperband", Curves(), first=[first]).run(trials=20)
    assert (study.trials[0].arch, study.trials[0].budget) == (first, 9)
    assert study.best.arch == first


def test_an_estimator_without_budgets_is_refused(space: Space, table: Any) -> None:
    with pytest.raises(
        UserError, match=r"Hyperband chooses how long each candidate is trained, but .* 'table' takes no"
    ):
        Study(space, "hyperband", Table({}))
    with pytest.raises(UserError, match="Hyperband chooses the budget of each trial: the estimator must take it"):
        Study(space, Hyperband(space), table)
    with pytest.raises(UserError, match="MedianStopping chooses"):
        Study(space, MedianStopping(space, base="bohb"), table)
    Study(space, "median-stopping", table).run(trials=3)


def test_functions_may_take_budgets(space: Space) -> None:
    study = Study(space, AsynchronousHalving, lambda arch, budget: {"accuracy": budget + arch["k"]}).run(trials=20)
    assert {t.budget for t in study.trials} == {1, 3, 9}


class Rising(Estimator):
    """Ten epochs towards what the architecture can."""

    source, budget = "rising", 10.0

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        end = 40 + arch["depth"] * arch["width"] / 4 + arch["k"]
        for epoch in range(1, round(budget or 10) + 1):
            yield Report(step=epoch, metrics={"accuracy": end - 30 * epoch**-0.5})


@pytest.mark.parametrize("kind", ["median-stopping", "learning-curve-stopping"])
def test_bad_trials_end_early_and_are_not_the_answer(space: Space, kind: str) -> None:
    study = Study(space, kind, Rising()).run(trials=30)
    states = Counter(t.state for t in study.trials)
    assert states["stopped"] >= 8
    assert states.keys() == {"stopped", "complete"}
    assert all(len(t.reports) < 10 for t in study.trials if t.state == "stopped")
    assert all(len(t.reports) == 10 for t in study.trials if t.state == "complete")
    best = max(study.trials, key=lambda t: 40 + t.arch["depth"] * t.arch["width"] / 4 + t.arch["k"])
    assert study.best.arch == best.arch


def test_what_was_stopped_goes_on_the_same(space: Space, tmp_path: Path) -> None:
    def study(storage: Path | None) -> Study:
        base = {"strategy": lambda s, **kw: LearningCurveStopping(s, base="bohb", **kw)}
        return Study(space, base["strategy"], Rising(), storage=storage, seed=3)

    whole = study(None).run(trials=30)
    for trials in (11, 30):
        parts = study(tmp_path / "study.db").run(trials=trials)
    assert [(t.arch, t.budget, t.state) for t in parts.trials] == [(t.arch, t.budget, t.state) for t in whole.trials]


def test_half_of_the_epochs_are_saved(space: Space) -> None:
    study = Study(space, "median-stopping", Rising()).run(trials=40)
    assert sum(len(t.reports) for t in study.trials) < 0.75 * 400
