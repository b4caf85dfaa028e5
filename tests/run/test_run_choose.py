"""Which candidate is chosen."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from archwright.run import Choose
from archwright.space import Arch
from archwright.trial import Trial


def trial(number: int, accuracy: float, loss: float, params: int = 1, state: str = "complete") -> Trial:
    metrics = {"accuracy": accuracy, "loss": loss, "params": params}
    return Trial(number=number, arch=Arch({"n": number}), metrics=metrics, state=state)


def ordered(*trials: Trial, noise: float = 1.0, samples: int = 400, limits=None) -> list[int]:
    state = SimpleNamespace(
        objectives=("accuracy", "params"),
        trials=trials,
        search_limits=limits or {},
        splits=SimpleNamespace(valid=range(samples)),
    )
    return [t.number for t in Choose(noise=noise)._ordered(state)]


def test_within_the_noise_the_lowest_loss_wins():
    # one standard error at 99 % of 400 samples is 0.5 points
    assert ordered(trial(0, 99.0, 0.30), trial(1, 98.75, 0.10), trial(2, 98.0, 0.01)) == [1, 0, 2]


def test_without_noise_the_highest_score_wins():
    assert ordered(trial(0, 99.0, 0.30), trial(1, 98.75, 0.10), noise=0)[0] == 0


def test_a_perfect_score_still_has_a_standard_error():
    assert ordered(trial(0, 100.0, 0.30), trial(1, 99.75, 0.10))[0] == 0
    assert ordered(trial(0, 100.0, 0.30), trial(1, 99.9, 0.10))[0] == 1


@pytest.mark.parametrize("state", ["failed", "refused"])
def test_only_complete_and_feasible_trials_count(state):
    bad = trial(0, 100.0, 0.0, state=state)
    heavy = trial(1, 100.0, 0.0, params=9)
    assert ordered(bad, heavy, trial(2, 50.0, 1.0), limits={"params": 5}) == [2]


def test_of_several_budgets_the_largest_is_judged():
    short = dataclasses.replace(trial(0, 99.9, 0.01), budget=3.0)
    long = [dataclasses.replace(trial(n, accuracy, 0.3), budget=9.0) for n, accuracy in ((1, 90.0), (2, 95.0))]
    assert ordered(short, *long, noise=0) == [2, 1]
