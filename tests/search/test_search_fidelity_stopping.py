"""Stopping rules around strategies, without a study."""

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.registry import Part
from archwright.search import LearningCurveStopping, MedianStopping, Random
from archwright.space import Choice, Space
from archwright.testing import StrategyContract
from archwright.trial import Report, Trial

SPACE = Space([Choice("x", tuple(range(50)))])
EVOLUTION = Part("strategy", "regularized-evolution", {"population": 4, "sample": 2})


class TestMedianStopping(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return MedianStopping


class TestMedianStoppingOverHyperband(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return lambda space, **kw: MedianStopping(space, base="hyperband", max_budget=9, **kw)


class TestLearningCurveStopping(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return lambda space, **kw: LearningCurveStopping(space, base=EVOLUTION, **kw)


def reports(curve, metric="accuracy") -> tuple[Report, ...]:
    return tuple(Report(step=n, metrics={metric: float(v)}) for n, v in enumerate(curve, 1))


def trial(number: int, curve, *, state="complete", budget=None, metric="accuracy") -> Trial:
    return Trial(
        number=number,
        arch=SPACE.arch({"x": number}),
        state=state,
        reports=reports(curve, metric),
        metrics={metric: float(curve[-1])},
        budget=budget,
    )


def stops(strategy, curve, *, budget=None, metric="accuracy") -> bool:
    *before, last = reports(curve, metric)
    running = Trial(number=49, arch=SPACE.arch({"x": 49}), state="running", reports=tuple(before), budget=budget)
    return strategy.should_stop(running, last)


HAND = [(10, 30, 50), (20, 40, 60), (30, 50, 70)]  # running means at step 2: 20, 30, 40


def test_median_rule_on_hand_data() -> None:
    strategy = MedianStopping(SPACE)
    for n, curve in enumerate(HAND):
        assert not stops(strategy, (0, 1))  # too few others
        strategy.tell(trial(n, curve))
    assert stops(strategy, (0, 29))
    assert not stops(strategy, (0, 30))
    assert not stops(strategy, (30, 0))  # the best so far counts


def test_median_rule_compares_within_a_budget() -> None:
    strategy = MedianStopping(SPACE, base="hyperband", max_budget=9)
    for n, curve in enumerate(HAND):
        strategy.tell(trial(n, curve, budget=3))
    assert stops(strategy, (0, 29), budget=3)
    assert not stops(strategy, (0, 29), budget=9)


def test_median_rule_for_what_is_minimised() -> None:
    strategy = MedianStopping(SPACE, objectives=["loss"])
    for n, curve in enumerate(HAND):
        strategy.tell(trial(n, curve, metric="loss"))
    assert stops(strategy, (99, 31), metric="loss")
    assert not stops(strategy, (99, 29), metric="loss")


def test_failed_ones_are_no_rivals() -> None:
    strategy = MedianStopping(SPACE)
    for n, curve in enumerate(HAND):
        strategy.tell(trial(n, curve, state="failed"))
    assert not stops(strategy, (0, 0))


def test_reports_without_the_objective_are_not_judged() -> None:
    strategy = MedianStopping(SPACE)
    for n, curve in enumerate(HAND):
        strategy.tell(trial(n, curve))
    running = Trial(number=9, arch=SPACE.arch({"x": 9}), state="running", reports=reports((0,)))
    assert not strategy.should_stop(running, Report(step=2, metrics={"params": 1.0}))


@pytest.mark.parametrize("method", ["prior-fitted", "least-squares"])
def test_a_hopeless_curve_is_stopped_a_rising_one_is_not(method) -> None:
    strategy = LearningCurveStopping(SPACE, method=method, max_budget=100)
    rng = np.random.default_rng(0)
    flat = 60 + 0.3 * rng.standard_normal(30)
    strategy.tell(trial(0, [50, 60, 70]))
    assert any(stops(strategy, flat[: n + 1]) for n in range(3, 30))
    rising = LearningCurveStopping(SPACE, method=method, max_budget=100)
    rising.tell(trial(0, [50, 60, 80]))
    assert not stops(rising, 90 - 60 * np.arange(1, 11) ** -0.5)


def test_nothing_is_stopped_before_there_is_somebody_to_beat() -> None:
    strategy = LearningCurveStopping(SPACE, max_budget=100)
    flat = [60.0] * 20
    assert not stops(strategy, flat)
    strategy.tell(trial(0, [95, 95], state="stopped"))
    assert not stops(strategy, flat)
    strategy.tell(trial(1, [95, 95], budget=3.0))
    assert not stops(strategy, flat)
    strategy.tell(trial(2, [95, 95]))
    assert stops(strategy, flat)


def test_short_curves_and_the_last_epoch_are_left_alone() -> None:
    strategy = LearningCurveStopping(SPACE, method="last-value", least=5, every=3, max_budget=12)
    strategy.tell(trial(0, [95, 95]))
    assert [n for n in range(1, 13) if stops(strategy, [60.0] * n)] == [5, 8, 11]


def test_losses() -> None:
    strategy = LearningCurveStopping(SPACE, method="last-value", objectives=["loss"], max_budget=20)
    strategy.tell(trial(0, [2.0, 0.1], metric="loss"))
    assert stops(strategy, [2.0, 1.0, 1.0, 1.0, 1.0, 1.0], metric="loss")
    assert not stops(strategy, [2.0, 1.0, 0.5, 0.2, 0.09], metric="loss")


def test_the_horizon_counts_reports() -> None:
    """A report every five epochs: after 20 of 100 epochs there are 4 of 20 values."""
    strategy = LearningCurveStopping(SPACE, max_budget=100)
    sparse = tuple(Report(step=5 * n, metrics={"accuracy": 50.0}) for n in range(1, 5))
    assert strategy._horizon(trial(0, [1]), sparse, 4) == 20


def test_the_base_is_told_the_prediction_of_a_stopped_trial() -> None:
    heard: list[Trial] = []

    def base(space, **settings):
        strategy = Random(space, **settings)
        strategy._observe = heard.append
        return strategy

    strategy = LearningCurveStopping(SPACE, base=base, max_budget=200, method="least-squares")
    curve = 90 - 60 * np.arange(1, 21) ** -0.5
    strategy.tell(trial(0, curve, state="stopped"))
    assert heard[0].metrics["accuracy"] == pytest.approx(85.7574, abs=1.5)  # 90 - 60 / sqrt(200)
    assert heard[0].metrics["accuracy"] > curve[-1] + 5
    strategy.tell(trial(1, curve))
    assert heard[1].metrics["accuracy"] == curve[-1]


def test_proposals_are_those_of_the_base() -> None:
    assert MedianStopping(SPACE, seed=3).ask(5) == Random(SPACE, seed=3).ask(5)
    hyperband = MedianStopping(SPACE, base="hyperband", max_budget=9)
    assert hyperband.budgeted
    assert hyperband.curved
    assert [p.budget for p in hyperband.ask(3)] == [1, 1, 1]


def test_what_is_refused() -> None:
    with pytest.raises(UserError, match="unknown method 'ensembl'"):
        LearningCurveStopping(SPACE, method="ensembl")
    with pytest.raises(UserError, match="threshold"):
        LearningCurveStopping(SPACE, threshold=2)
    with pytest.raises(UserError, match="low not high"):
        LearningCurveStopping(SPACE, low=1, high=1)
    with pytest.raises(UserError, match="least"):
        MedianStopping(SPACE, least=0)


def test_settings() -> None:
    assert MedianStopping(SPACE).settings == {"warm_up": 0, "least": 3, "base": "random"}
    settings = LearningCurveStopping(SPACE, base=EVOLUTION, max_budget=20).settings
    assert settings["method"] == "prior-fitted"
    assert settings["base.population"] == 4
