"""One trial: what estimators may look like, and how their trials end."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from archwright.space import Arch
from archwright.study import Evaluation, Task
from archwright.trial import Objective, Report, Trial

GOALS = (Objective("accuracy", True),)
LIMITS = {"params": 100.0}
TASK = Task(number=3, arch=Arch({"width": 8}), budget=2.0, seed=77)


def never(trial: Trial, report: Report) -> bool:
    return False


def run(estimator: Callable[..., Any], limits: Mapping[str, float] | None = None, watch: Any = never) -> Trial:
    return Evaluation(estimator, GOALS, LIMITS if limits is None else limits)(TASK, watch)


def epochs(*accuracies: float, params: float = 50.0, log: list[str] | None = None) -> Callable[..., Iterator[Report]]:
    """An estimator that reports its cost at step 0, then trains."""

    def estimate(arch: Arch) -> Iterator[Report]:
        try:
            yield Report(step=0, metrics={"params": params})
            for step, accuracy in enumerate(accuracies, 1):
                if log is not None:
                    log.append(f"epoch {step}")
                yield Report(step=step, metrics={"accuracy": accuracy})
        finally:
            if log is not None:
                log.append("closed")

    return estimate


def test_a_mapping_is_a_complete_trial() -> None:
    trial = run(lambda arch: {"accuracy": np.float32(0.5), "params": 64, "extra": math.nan})
    assert (trial.number, trial.arch, trial.budget, trial.seed) == (3, TASK.arch, 2.0, 77)
    assert (trial.state, trial.error, trial.source, trial.reports) == ("complete", "", "function", ())
    assert trial.metrics["accuracy"] == 0.5
    assert all(type(v) is float for v in trial.metrics.values())
    assert trial.seconds >= 0


def test_reports_are_merged() -> None:
    trial = run(epochs(10.0, 30.0, 20.0))
    assert (trial.state, trial.error) == ("complete", "")
    assert trial.metrics == {"params": 50.0, "accuracy": 20.0}
    assert [(r.step, dict(r.metrics)) for r in trial.reports] == [
        (0, {"params": 50.0}),
        (1, {"accuracy": 10.0}),
        (2, {"accuracy": 30.0}),
        (3, {"accuracy": 20.0}),
    ]


def test_keywords_are_passed_to_those_who_take_them() -> None:
    seen: list[object] = []

    def both(arch: Arch, *, budget: float | None, seed: int) -> dict[str, float]:
        seen.append((budget, seed))
        return {"accuracy": 1.0}

    def one(arch: Arch, seed: int = 0) -> dict[str, float]:
        seen.append(seed)
        return {"accuracy": 1.0}

    def anything(arch: Arch, **options: object) -> dict[str, float]:
        seen.append(options)
        return {"accuracy": 1.0}

    class Callee:
        source = "table"

        def __call__(self, arch: Arch, budget: float | None = None) -> dict[str, float]:
            seen.append(budget)
            return {"accuracy": 1.0}

    for estimator in (both, one, anything, Callee()):
        assert run(estimator, {}).state == "complete"
    assert seen == [(2.0, 77), 77, {"budget": 2.0, "seed": 77}, 2.0]
    assert run(Callee(), {}).source == "table"


def test_a_method_of_a_table_will_do() -> None:
    assert run({TASK.arch: {"accuracy": 1.0}}.get, {}).metrics == {"accuracy": 1.0}


def test_refused_before_training() -> None:
    log: list[str] = []
    trial = run(epochs(10.0, params=150, log=log))
    assert (trial.state, trial.error) == ("refused", "params 150 > 100")
    assert trial.metrics == {"params": 150.0}
    assert log == ["closed"]


def test_a_function_may_return_the_cost_alone_when_it_is_too_high() -> None:
    assert run(lambda arch: {"params": 150}).state == "refused"
    assert run(lambda arch: {"params": 50}).state == "failed"


def test_a_limit_broken_together_with_the_objective_is_kept_as_infeasible() -> None:
    def at_once(arch: Arch) -> Iterator[Report]:
        yield Report(step=0, metrics={"accuracy": 3.0, "params": 150.0})

    assert run(lambda arch: {"accuracy": 3.0, "params": 150.0}).state == "complete"
    assert run(at_once).state == "complete"


def test_a_limit_broken_after_training_has_begun_does_not_stop_it() -> None:
    def late(arch: Arch) -> Iterator[Report]:
        yield Report(step=1, metrics={"params": 150})
        yield Report(step=2, metrics={"accuracy": 1.0, "params": 90})

    assert run(late).state == "complete"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_objectives_must_be_finite(value: float) -> None:
    assert run(lambda arch: {"accuracy": value, "params": 1}).error == f"accuracy is {value}"
    log: list[str] = []
    trial = run(epochs(10.0, value, 20.0, log=log))
    assert (trial.state, trial.error) == ("failed", f"accuracy is {value} at step 2")
    assert log == ["epoch 1", "epoch 2", "closed"], "a diverged network is not trained on"


def test_a_limited_metric_must_be_known() -> None:
    assert run(lambda arch: {"accuracy": 1.0, "params": math.nan}).error == "params is nan"
    assert run(epochs(1.0, params=math.nan)).error == "params is nan at step 0"
    missing = run(lambda arch: {"accuracy": 1.0})
    assert missing.state == "failed"
    assert missing.error == "the estimator gave no 'params', which the study needs; it gave: accuracy"


def test_an_infinite_cost_is_refused() -> None:
    assert run(epochs(1.0, params=math.inf)).state == "refused"


def test_an_exception_becomes_a_failed_trial_with_its_traceback() -> None:
    def broken(arch: Arch) -> dict[str, float]:
        raise ArithmeticError("no luck")

    def breaks_later(arch: Arch) -> Iterator[Report]:
        yield Report(step=0, metrics={"params": 5})
        yield Report(step=1, metrics={"accuracy": 50})
        raise ArithmeticError("no luck")

    for estimator in (broken, breaks_later):
        trial = run(estimator)
        assert trial.state == "failed"
        assert trial.error.startswith("Traceback")
        assert trial.error.endswith("ArithmeticError: no luck\n")
        assert estimator.__name__ in trial.error
    assert len(trial.reports) == 2
    assert trial.metrics == {"params": 5.0, "accuracy": 50.0}


@pytest.mark.parametrize("answer", [0.5, None, [0.5], [{"accuracy": 1.0}], {"accuracy": "high"}])
def test_a_wrong_answer_says_what_is_allowed(answer: object) -> None:
    trial = run(lambda arch: answer)
    assert trial.state == "failed"
    allowed = "could not convert" if isinstance(answer, dict) else "returns a mapping of floats or yields Report"
    assert allowed in trial.error


def test_an_estimator_that_stumbles_over_being_closed_is_failed() -> None:
    def stubborn(arch: Arch) -> Iterator[Report]:
        try:
            yield Report(step=0, metrics={"params": 150})
        finally:
            raise ArithmeticError("cannot clean up")

    trial = run(stubborn)
    assert trial.state == "failed"
    assert "cannot clean up" in trial.error


def test_interrupts_pass_through() -> None:
    def interrupted(arch: Arch) -> dict[str, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(interrupted)


def test_errors_of_the_watcher_are_not_those_of_the_estimator() -> None:
    log: list[str] = []

    def full_disk(trial: Trial, report: Report) -> bool:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run(epochs(1.0, log=log), watch=full_disk)
    assert log == ["closed"]


def test_the_watcher_sees_what_was_before_and_may_stop() -> None:
    seen = []
    log: list[str] = []

    def watch(trial: Trial, report: Report) -> bool:
        seen.append((trial.state, len(trial.reports), dict(trial.metrics), report.step))
        return report.step == 2

    trial = run(epochs(1.0, 2.0, 3.0, log=log), watch=watch)
    assert (trial.state, trial.metrics["accuracy"]) == ("stopped", 2.0)
    assert log == ["epoch 1", "epoch 2", "closed"]
    assert seen == [
        ("running", 0, {}, 0),
        ("running", 1, {"params": 50.0}, 1),
        ("running", 2, {"params": 50.0, "accuracy": 1.0}, 2),
    ]
