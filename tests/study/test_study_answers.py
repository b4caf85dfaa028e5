"""Best, Pareto set, nearest miss, rows."""

from collections.abc import Iterator
from typing import Any

import pytest

from archwright.errors import ArchwrightError, Infeasible
from archwright.space import Arch, Space
from archwright.study import Study
from archwright.trial import Report

GOALS = ("accuracy", "params")


def test_best_is_feasible(space: Space, table: Any) -> None:
    study = Study(space, "random", table, limits={"params": 2000}).run(trials=120)
    assert study.best.metrics["params"] <= 2000
    assert study.best.metrics["accuracy"] == max(
        t.metrics["accuracy"] for t in study.trials if t.metrics["params"] <= 2000
    )


def test_best_of_equals_is_the_earliest(space: Space) -> None:
    assert Study(space, "random", lambda arch: {"accuracy": 1.0}).run(trials=9).best.number == 0


def test_pareto_is_within_limits(space: Space, table: Any) -> None:
    study = Study(space, "random", table, objectives=GOALS, limits={"params": 2000}).run(trials=120)
    front = [t.metrics["params"] for t in study.pareto()]
    assert front == sorted(front, reverse=True)
    assert front[0] <= 2000
    assert front[-1] == 64
    assert study.pareto()[0] == study.best


def test_infeasible_names_the_nearest_and_by_how_much(space: Space) -> None:
    def train(arch: Arch) -> Iterator[Report]:
        yield Report(step=0, metrics={"params": 1000.0 * arch["depth"], "latency_ms": 3.0})
        raise AssertionError("must not train")

    study = Study(space, "random", train, limits={"params": 800, "latency_ms": 2}).run(trials=30)
    assert {t.state for t in study.trials} == {"refused"}
    nearest = next(t for t in study.trials if t.arch["depth"] == 1)
    with pytest.raises(Infeasible) as caught:
        _ = study.best
    assert str(caught.value) == (
        f"none of 30 trials meets the limits; nearest: trial {nearest.number} ({nearest.arch.key}), "
        "params 1,000 > 800 (+25 %), latency_ms 3 > 2 (+50 %)"
    )
    assert caught.value.exit_code == 3
    assert study.pareto() == []


def test_no_trial_at_all(space: Space, table: Any) -> None:
    with pytest.raises(ArchwrightError, match=r"no complete trial among 0 \(none has run\)"):
        _ = Study(space, "random", table).best


def test_rows_and_frame(space: Space, table: Any) -> None:
    def estimate(arch: Arch) -> dict[str, float]:
        if arch["depth"] == 4:
            raise RuntimeError("too deep")
        return {**table(arch), "seed": 3.0}

    study = Study(space, "random", estimate, limits={"params": 2000}).run(trials=40)
    rows = study.to_rows()
    assert len(rows) == 40
    done = next(r for r in rows if r["state"] == "complete" and r["params"] <= 2000)
    trial = study.trials[done["number"]]
    assert done["key"] == trial.arch.key
    assert done["arch.depth"] == trial.arch["depth"]
    assert done["feasible"] is True
    assert done["seed"] == trial.seed
    assert done["metric.seed"] == 3.0, "a metric does not hide a column"
    failed = next(r for r in rows if r["state"] == "failed")
    assert failed["feasible"] is False
    assert failed["error"].endswith("too deep\n")
    assert any(r["state"] == "complete" and not r["feasible"] for r in rows)
    frame = study.to_frame()
    assert len(frame) == 40
    assert {"number", "accuracy", "params", "arch.width", "wall_seconds", "source"} <= set(frame.columns)
