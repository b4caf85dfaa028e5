"""Objectives, limits and the records of trials."""

import dataclasses

import pytest

from archwright.errors import UserError
from archwright.space import Arch
from archwright.trial import Objective, Report, Trial, broken, comparable, excess, misses, objectives


@pytest.mark.parametrize(
    ("text", "metric", "maximise"),
    [
        ("accuracy", "accuracy", True),
        ("valid_accuracy", "valid_accuracy", True),
        ("loss", "loss", False),
        ("test_loss", "test_loss", False),
        ("latency_ms", "latency_ms", False),
        ("energy_mj", "energy_mj", False),
        ("energy_mj:eyeriss", "energy_mj:eyeriss", False),
        ("predicted_latency_ms", "predicted_latency_ms", False),
        ("max:params", "params", True),
        ("min:my_metric", "my_metric", False),
    ],
)
def test_objective_directions(text: str, metric: str, maximise: bool) -> None:
    assert Objective.parse(text) == Objective(metric, maximise)


def test_objective_parses_itself() -> None:
    goal = Objective("anything", False)
    assert Objective.parse(goal) is goal


@pytest.mark.parametrize("text", ["kappa", "maximum:kappa", "max:", ""])
def test_objective_without_direction_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="no known direction; write 'max:"):
        Objective.parse(text)


def test_objective_loss_is_minimised() -> None:
    assert Objective("accuracy", True).loss({"accuracy": 97.5}) == -97.5
    assert Objective("params", False).loss({"params": 1000}) == 1000.0


def test_objectives_are_parsed_in_order() -> None:
    assert objectives(["accuracy", "min:x"]) == (Objective("accuracy", True), Objective("x", False))


@pytest.mark.parametrize("texts", [[], ["accuracy", "accuracy"], ["accuracy", "min:accuracy"]])
def test_objectives_none_or_repeated_are_refused(texts: list[str]) -> None:
    with pytest.raises(UserError, match="one or more different metrics"):
        objectives(texts)


def test_broken_names_value_and_limit() -> None:
    metrics = {"params": 1200.0, "latency_ms": 3.0, "accuracy": 90.0}
    assert broken(metrics, {"params": 1000, "latency_ms": 3.0}) == {"params": (1200.0, 1000.0)}


def test_broken_does_not_judge_what_is_unknown() -> None:
    assert broken({}, {"params": 1000}) == {}


def test_broken_takes_nan_for_broken() -> None:
    assert "params" in broken({"params": float("nan")}, {"params": 1000})


def test_excess_is_relative_and_summed() -> None:
    assert excess(
        {"params": 1200, "latency_ms": 3.0, "memory": 1.0}, {"params": 1000, "latency_ms": 2.0, "memory": 5}
    ) == (pytest.approx(0.2 + 0.5))
    assert excess({"params": 1000}, {"params": 1000}) == 0


def test_excess_over_a_limit_of_zero_is_absolute() -> None:
    assert excess({"gap": 0.25}, {"gap": 0}) == 0.25


def test_records_are_frozen() -> None:
    trial = Trial(number=0, arch=Arch({"a": 1}), reports=(Report(step=0, metrics={"loss": 1.0}),))
    with pytest.raises(dataclasses.FrozenInstanceError):
        trial.number = 1  # type: ignore[misc]
    assert trial.state == "complete"
    assert trial.reports[0].metrics["loss"] == 1.0


def test_misses_names_value_limit_and_excess() -> None:
    assert misses({"params": 1200.0, "flops": 5.0}, {"params": 1000, "flops": 5}) == "params 1,200 > 1,000 (+20 %)"
    assert misses({"params": 1.0}, {"params": 1}) == ""
    assert misses({"size": 2.0}, {"size": 0}) == "size 2 > 0"


def test_only_trials_at_the_largest_budget_are_comparable() -> None:
    def trials(*pairs: tuple[float | None, str]) -> list[Trial]:
        return [Trial(number=n, arch=Arch({"n": n}), budget=b, state=s) for n, (b, s) in enumerate(pairs)]  # type: ignore[arg-type]

    def kept(*pairs: tuple[float | None, str]) -> list[int]:
        return [t.number for t in comparable(trials(*pairs))]

    assert kept((None, "complete"), (None, "failed")) == [0, 1]
    assert kept((1, "complete"), (3, "complete"), (3, "complete"), (9, "failed")) == [1, 2]
    assert kept((1, "complete"), (None, "complete")) == [1]
    assert kept((1, "failed"), (3, "stopped")) == [0, 1]
    assert kept() == []
