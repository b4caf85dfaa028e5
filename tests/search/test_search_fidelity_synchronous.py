"""Successive halving and Hyperband, stage by stage."""

from collections import Counter

import pytest

from archwright.errors import UserError
from archwright.registry import Part
from archwright.search import AsynchronousHalving, Hyperband, Proposal, Random, SuccessiveHalving
from archwright.search import RegularizedEvolution as Evolution
from archwright.space import Arch, Choice, Real, Space
from archwright.testing import StrategyContract
from archwright.trial import Trial

LINE = Space([Real("x", 0.0, 1.0)])
WIDE = Space([Choice(f"x{i}", tuple(range(10))) for i in range(4)])


class TestSuccessiveHalving(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return lambda space, **kw: SuccessiveHalving(space, max_budget=9, **kw)


class TestHyperband(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return lambda space, **kw: Hyperband(space, max_budget=9, **kw)


class TestHyperbandOverEvolution(StrategyContract):
    @pytest.fixture
    def strategy(self):
        base = Part("strategy", "regularized-evolution", {"population": 4, "sample": 2})
        return lambda space, **kw: Hyperband(space, max_budget=9, base=base, **kw)


def finished(number: int, proposal: Proposal, accuracy: float | None) -> Trial:
    metrics = {} if accuracy is None else {"accuracy": accuracy}
    state = "complete" if metrics else "failed"
    return Trial(number=number, arch=proposal.arch, budget=proposal.budget, metrics=metrics, state=state)


def run(strategy, rounds: int, batch: int = 1) -> list[Trial]:
    """The value of x is the accuracy at every budget."""
    trials: list[Trial] = []
    while len(trials) < rounds:
        for proposal in strategy.ask(batch):
            trials.append(finished(len(trials), proposal, 100 * proposal.arch["x"]))
        for trial in trials[-batch:]:
            strategy.tell(trial)
    return trials


def test_stages_of_one_bracket() -> None:
    trials = run(SuccessiveHalving(LINE, max_budget=9), 13)
    assert [t.budget for t in trials] == [1] * 9 + [3] * 3 + [9]
    order = sorted(trials[:9], key=lambda t: -t.metrics["accuracy"])
    assert [t.arch for t in trials[9:12]] == [t.arch for t in order[:3]]
    assert trials[12].arch == order[0].arch


def test_promotion_goes_by_the_loss_at_that_budget() -> None:
    strategy = SuccessiveHalving(LINE, max_budget=9)
    asked = [strategy.ask() for _ in range(9)]
    for n, (proposal, accuracy) in enumerate(zip(asked, (1, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)):
        strategy.tell(finished(n, proposal, accuracy))
    again = [strategy.ask() for _ in range(3)]
    assert [p.arch for p in again] == [asked[8].arch, asked[7].arch, asked[6].arch]
    for n, (proposal, accuracy) in enumerate(zip(again, (1, 5, 2), strict=True), 9):
        strategy.tell(finished(n, proposal, accuracy))
    assert strategy.ask() == Proposal(asked[7].arch, 9.0)  # best at 3, not at 1


def test_without_noise_the_best_of_a_bracket_is_returned() -> None:
    trials = run(SuccessiveHalving(LINE), 121)
    assert Counter(t.budget for t in trials) == {1: 81, 3: 27, 9: 9, 27: 3, 81: 1}
    assert sum(t.budget for t in trials) == 405
    assert trials[-1].metrics == max((t.metrics for t in trials[:81]), key=lambda m: m["accuracy"])


def test_hyperband_goes_through_its_brackets_and_begins_again() -> None:
    trials = run(Hyperband(LINE, max_budget=9), 2 * (13 + 4 + 3))
    round_of_brackets = [1] * 9 + [3] * 3 + [9] + [3] * 3 + [9] + [9] * 3
    assert [t.budget for t in trials] == 2 * round_of_brackets


def test_who_waits_for_nobody_fills_the_next_bracket() -> None:
    strategy = Hyperband(LINE, max_budget=9)
    assert [p.budget for p in strategy.ask(12)] == [1] * 9 + [3] * 3


@pytest.mark.parametrize("batch", [2, 4, 5, 8])
def test_batches_evaluate_the_same_numbers_at_each_budget(batch: int) -> None:
    strategy = Hyperband(LINE, max_budget=9)
    trials = run(strategy, 400, batch)
    counts = Counter(t.budget for t in trials)
    assert counts[1] == pytest.approx(400 * 9 / 20, abs=20)
    assert counts[3] == pytest.approx(400 * 6 / 20, abs=20)
    assert counts[9] == pytest.approx(400 * 5 / 20, abs=20)


@pytest.mark.parametrize("batch", [1, 4, 8])
@pytest.mark.parametrize("batches", [1, 3, 9])
def test_replayed_in_the_middle_of_a_bracket(batch: int, batches: int) -> None:
    trials = run(Hyperband(WIDE_X, max_budget=9, seed=4), batch * (batches + 4), batch)
    again = Hyperband(WIDE_X, max_budget=9, seed=4)
    for trial in trials[: batch * batches]:
        again.tell(trial)
    expected = [Proposal(t.arch, t.budget) for t in trials[batch * batches :][:batch]]
    assert again.ask(batch) == expected


WIDE_X = Space([Choice("x", tuple(range(40))), Choice("y", tuple(range(40)))])


def test_failed_ones_fill_their_place_and_are_not_promoted() -> None:
    strategy = SuccessiveHalving(LINE, max_budget=3)
    asked = [strategy.ask() for _ in range(3)]
    for n, proposal in enumerate(asked):
        strategy.tell(finished(n, proposal, 50.0 if n == 1 else None))
    assert strategy.ask() == Proposal(asked[1].arch, 3.0)


def test_a_bracket_of_failures_ends() -> None:
    strategy = SuccessiveHalving(LINE, max_budget=3)
    for n in range(3):
        strategy.tell(finished(n, strategy.ask(), None))
    assert strategy.ask().budget == 1


def test_over_a_limit_loses_against_within() -> None:
    strategy = SuccessiveHalving(LINE, max_budget=3, limits={"params": 10})
    asked = [strategy.ask() for _ in range(3)]
    for n, (proposal, accuracy, params) in enumerate(zip(asked, (99, 98, 50), (20, 30, 5), strict=True)):
        metrics = {"accuracy": accuracy, "params": params}
        strategy.tell(Trial(number=n, arch=proposal.arch, budget=proposal.budget, metrics=metrics))
    assert strategy.ask() == Proposal(asked[2].arch, 3.0)


@pytest.mark.parametrize("make", [SuccessiveHalving, Hyperband, AsynchronousHalving])
@pytest.mark.parametrize("batch", [1, 4])
def test_with_one_budget_it_is_random_search(make, batch: int) -> None:
    ours, plain = make(LINE, min_budget=81, seed=7), Random(LINE, seed=7)
    for _ in range(10):
        asked, expected = ours.ask(batch), plain.ask(batch)
        assert asked == [Proposal(arch, 81.0) for arch in expected]
        for proposal in asked:
            trial = finished(ours.told, proposal, 100 * proposal.arch["x"])
            ours.tell(trial)
            plain.tell(trial)


def test_with_one_budget_it_is_the_base() -> None:
    base = Part("strategy", "regularized-evolution", {"population": 5, "sample": 2})
    ours, plain = Hyperband(WIDE_X, min_budget=81, seed=7, base=base), Evolution(WIDE_X, population=5, sample=2, seed=7)
    seen: set[Arch] = set()
    for _ in range(30):
        proposal, expected = ours.ask(), plain.ask()
        if expected in seen:  # evolution may repeat itself, this may not
            return
        assert proposal.arch == expected
        seen.add(expected)
        trial = finished(ours.told, proposal, float(expected["x"] - expected["y"]))
        ours.tell(trial)
        plain.tell(trial)


def test_the_base_learns_from_the_largest_budget_with_enough_results() -> None:
    strategy = SuccessiveHalving(LINE, max_budget=9, candidates=36)
    learner = strategy._learner
    assert learner.enough == 4
    run(strategy, 36)
    assert learner.budget == 1
    for n, expected in enumerate([1, 1, 1, 3], 36):
        proposal = strategy.ask()
        strategy.tell(finished(n, proposal, 1.0))
        assert learner.budget == expected


def test_budgets_may_be_given() -> None:
    strategy = Hyperband(LINE, budgets=(12, 200))
    assert [t.budget for t in run(strategy, 6)] == [12, 12, 12, 200, 200, 200]
    assert strategy.settings["budgets"] == "12, 200"


def test_trials_at_the_largest_budget_that_nobody_asked_for_count_there() -> None:
    strategy = Hyperband(LINE, max_budget=9)
    strategy.tell(Trial(number=0, arch=LINE.arch({"x": 0.25}), metrics={"accuracy": 25.0}))
    trials = run(strategy, 20)
    assert Counter(t.budget for t in trials[:16]) == {1: 9, 3: 6, 9: 1}
    assert sorted(t.budget for t in trials[13:19]) == [3, 3, 3, 9, 9, 9]


def test_a_small_space_is_gone_through_without_end() -> None:
    tiny = Space([Choice("x", (1, 2))])
    trials = run(Hyperband(tiny, max_budget=9), 60)
    assert {t.budget for t in trials} == {1, 3, 9}


def test_what_is_refused() -> None:
    with pytest.raises(UserError, match="must not choose budgets itself"):
        Hyperband(LINE, base="hyperband")
    with pytest.raises(UserError, match="unknown rounding 'up'"):
        Hyperband(LINE, rounding="up")
    with pytest.raises(UserError, match="candidates must be at least 1"):
        SuccessiveHalving(LINE, candidates=0)
    with pytest.raises(UserError, match="0 < min_budget <= max_budget"):
        Hyperband(LINE, min_budget=10, max_budget=9)
    with pytest.raises(UserError, match="base must build a strategy"):
        Hyperband(LINE, base=lambda space, **kw: 3)


def test_settings_say_what_is_inside() -> None:
    base = Part("strategy", "regularized-evolution", {"population": 5, "sample": 2})
    assert Hyperband(LINE, max_budget=9, base=base).settings == {
        "budgets": "1, 3, 9",
        "eta": 3.0,
        "rounding": "floor",
        "base": "regularized-evolution",
        "base.population": 5,
        "base.sample": 2,
        "base.replace": True,
        "base.identity": 0.0,
        "base.duplicates": True,
        "base.remove": "oldest",
    }
