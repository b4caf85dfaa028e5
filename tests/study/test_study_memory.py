"""The loop in memory: budgets, answers, failures."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from archwright.errors import ArchwrightError, UserError
from archwright.search import NSGA2, Proposal, Random, RegularizedEvolution, Strategy
from archwright.space import Arch, Space
from archwright.study import Study
from archwright.trial import Report, Trial

GOALS = ("accuracy", "params")


def flaky(period: int, table: Any) -> Any:
    """Fails every `period`-th time."""
    calls = []

    def estimate(arch: Arch) -> dict[str, float]:
        calls.append(arch)
        if len(calls) % period == 0:
            raise RuntimeError(f"call {len(calls)}")
        return table(arch)  # type: ignore[no-any-return]

    return estimate


def content(study: Study) -> list[tuple[object, ...]]:
    return [(t.number, t.arch, t.state, dict(t.metrics), t.seed) for t in study.trials]


def test_a_study_finds_the_best(space: Space, table: Any) -> None:
    study = Study(space, "random", table).run(trials=120)
    assert study.best.arch == {"depth": 4, "width": 40, "k": 11}
    assert [t.number for t in study.trials] == list(range(120))
    assert len({t.arch for t in study.trials}) == 120


@pytest.mark.parametrize("strategy", ["nsga2", NSGA2])
def test_strategies_by_name_and_class_get_the_settings_of_the_study(space: Space, table: Any, strategy: Any) -> None:
    study = Study(space, strategy, table, objectives=GOALS, limits={"params": 9000}, seed=5)
    assert isinstance(study.strategy, NSGA2)
    assert study.strategy.seed == 5
    assert study.strategy.limits == {"params": 9000}
    assert study.strategy.objectives == study.objectives


def test_a_used_or_different_strategy_is_refused(space: Space, table: Any) -> None:
    used = Random(space)
    used.ask()
    with pytest.raises(UserError, match="already made 1 proposals"):
        Study(space, used, table)
    with pytest.raises(UserError, match="other objectives or limits"):
        Study(space, Random(space, limits={"params": 3}), table)


def test_unknown_strategy(space: Space, table: Any) -> None:
    with pytest.raises(UserError, match="unknown strategy 'randon'; did you mean 'random'"):
        Study(space, "randon", table)


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_a_run_in_parts_is_a_run_in_one(space: Space, table: Any, batch: int) -> None:
    def make() -> Study:
        return Study(space, RegularizedEvolution(space, population=10, sample=3), table, batch=batch)

    whole = make().run(trials=50)
    parts = make()
    for total in (1, 2, 13, 13, 31, 50):
        parts.run(trials=total)
        assert len(parts.trials) == total
    assert content(parts) == content(whole)


def test_batches_are_asked_for_together_and_told_in_order(space: Space, table: Any) -> None:
    log: list[str] = []

    class Logged(Strategy):
        def _propose(self, rng: Any) -> Arch:
            log.append("ask")
            return self.space.sample(rng)

        def _observe(self, trial: Trial) -> None:
            log.append(f"tell {trial.number}")

    Study(space, Logged, table, batch=3).run(trials=6)
    assert log == ["ask"] * 3 + ["tell 0", "tell 1", "tell 2"] + ["ask"] * 3 + ["tell 3", "tell 4", "tell 5"]


def test_seeds_of_trials_follow_from_the_seed_of_the_study(space: Space, table: Any) -> None:
    seeds = {s: [t.seed for t in Study(space, "random", table, seed=s).run(trials=40).trials] for s in (0, 1)}
    again = [t.seed for t in Study(space, "nsga2", table, seed=0, batch=3).run(trials=40).trials]
    assert seeds[0] == again
    assert len({*seeds[0], *seeds[1]}) == 80
    assert all(0 <= s < 2**32 for s in seeds[0])


def test_budgets_of_proposals_reach_the_estimator(space: Space) -> None:
    class Fidelities(Strategy):
        def _propose(self, rng: Any) -> Proposal:
            return Proposal(self.space.sample(rng), budget=float(self.made))

        def _observe(self, trial: Trial) -> None:
            pass

    study = Study(space, Fidelities, lambda arch, budget: {"accuracy": budget}).run(trials=3)
    assert [(t.budget, t.metrics["accuracy"]) for t in study.trials] == [(0, 0), (1, 1), (2, 2)]


def test_strategies_may_stop_trials_early(space: Space) -> None:
    class Impatient(Strategy):
        def _propose(self, rng: Any) -> Arch:
            return self.space.sample(rng)

        def _observe(self, trial: Trial) -> None:
            assert trial.state == "stopped"

        def should_stop(self, trial: Trial, report: Report) -> bool:
            return len(trial.reports) == 1

    def train(arch: Arch) -> Iterator[Report]:
        for step in range(5):
            yield Report(step=step, metrics={"accuracy": step})

    study = Study(space, Impatient, train).run(trials=2)
    assert [[r.step for r in t.reports] for t in study.trials] == [[0, 1], [0, 1]]
    with pytest.raises(ArchwrightError, match=r"no complete trial among 2 \(stopped\)"):
        _ = study.best


def test_minutes_are_counted_over_runs(space: Space) -> None:
    def slow(arch: Arch) -> dict[str, float]:
        time.sleep(0.02)
        return {"accuracy": 1.0}

    study = Study(space, "random", slow)
    study.run(minutes=0.1 / 60)
    first = len(study.trials)
    assert 1 <= first <= 5
    study.run(minutes=0.1 / 60)
    assert len(study.trials) == first, "this time has been used"
    study.run(minutes=0.2 / 60, trials=100)
    assert first < len(study.trials) <= 10


@pytest.mark.parametrize("budget", [{}, {"trials": 0}, {"minutes": 0.0}, {"minutes": float("nan")}])
def test_budgets_must_be_given_and_positive(space: Space, table: Any, budget: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"budget"):
        Study(space, "random", table).run(**budget)


def test_batch_must_be_positive(space: Space, table: Any) -> None:
    with pytest.raises(UserError, match="batch must be at least 1, got 0"):
        Study(space, "random", table, batch=0)


def test_callback_sees_every_trial(space: Space, table: Any) -> None:
    seen = []
    Study(space, "random", table).run(
        trials=5, callback=lambda study, trial: seen.append((len(study.trials), trial.number))
    )
    assert seen == [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)]


def test_failing_trials_are_recorded_and_the_run_goes_on(space: Space, table: Any) -> None:
    study = Study(space, "nsga2", flaky(3, table)).run(trials=30)
    assert [t.number for t in study.trials if t.state == "failed"] == list(range(2, 30, 3))
    assert study.trials[2].error.endswith("RuntimeError: call 3\n")


def test_a_broken_estimator_ends_the_run(space: Space, table: Any) -> None:
    study = Study(space, "random", flaky(1, table))
    with pytest.raises(ArchwrightError, match="5 of 5 trials failed; the last one: RuntimeError: call 5"):
        study.run(trials=100)
    assert len(study.trials) == 5


def test_more_than_half_failing_ends_the_run(space: Space, table: Any) -> None:
    calls = []

    def worse_and_worse(arch: Arch) -> dict[str, float]:
        calls.append(arch)
        if len(calls) > 7:
            raise RuntimeError("worn out")
        return table(arch)  # type: ignore[no-any-return]

    study = Study(space, "random", worse_and_worse)
    with pytest.raises(ArchwrightError, match="8 of 15 trials failed; the last one: RuntimeError: worn out"):
        study.run(trials=100)


def test_a_repaired_estimator_continues(space: Space, table: Any) -> None:
    working = []

    def estimate(arch: Arch) -> dict[str, float]:
        if not working:
            raise RuntimeError("not yet")
        return table(arch)  # type: ignore[no-any-return]

    study = Study(space, "random", estimate)
    with pytest.raises(ArchwrightError, match="not yet"):
        study.run(trials=20)
    working.append(True)
    assert len(study.run(trials=20).trials) == 20


def test_an_interrupt_leaves_the_running_trial_to_be_redone(space: Space, table: Any) -> None:
    calls = []

    def interrupted(arch: Arch) -> dict[str, float]:
        calls.append(arch)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return table(arch)  # type: ignore[no-any-return]

    study = Study(space, RegularizedEvolution(space, population=4, sample=2), interrupted, batch=4)
    with pytest.raises(KeyboardInterrupt):
        study.run(trials=20)
    assert len(study.trials) == 5
    study.run(trials=20)
    whole = Study(space, RegularizedEvolution(space, population=4, sample=2), table, batch=4).run(trials=20)
    assert content(study) == content(whole)
    assert calls[5] == calls[6]
    assert len(calls) == 21


@pytest.mark.parametrize("batch", [1, 4])
def test_given_architectures_come_first_and_the_strategy_learns_from_them(space: Space, batch: int) -> None:
    given = [space.sample(np.random.default_rng(n)) for n in (11, 12)]
    study = Study(space, "random", lambda arch: {"accuracy": 1.0}, first=given, batch=batch).run(trials=6)
    assert [t.arch for t in study.trials[:2]] == given
    assert len({t.arch for t in study.trials}) == 6  # random does not repeat what it was told
