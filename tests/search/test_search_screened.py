"""Beginning with the best-scored of a pool."""

from __future__ import annotations

import math

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search import Random, RegularizedEvolution, Screened, build
from archwright.space import Arch, Choice, Space
from archwright.testing import StrategyContract
from archwright.trial import Trial


def by_key(arch: Arch) -> float:
    return int(arch.key, 16) % 1013


def told(strategy, proposals):
    for number, arch in enumerate(proposals, strategy.told):
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": by_key(arch) / 11}))


class TestEvolutionAfterAPool(StrategyContract):
    @pytest.fixture
    def strategy(self):
        def make(space, **settings):
            inner = RegularizedEvolution(space, population=8, sample=3, **settings)
            return Screened(inner, scorer=by_key, pool=15, first=8)

        return make


def test_the_best_come_first_and_in_order(flat: Space) -> None:
    asked = build("screening", flat, scorer=by_key, pool=40, seed=1).ask(40)
    scores = [by_key(arch) for arch in asked]
    assert scores == sorted(scores, reverse=True)
    assert len(set(asked)) == 40


def test_a_pool_as_large_as_the_space_finds_the_best_first(flat: Space) -> None:
    everything = build("screening", flat, scorer=by_key, pool=81).ask(81)
    assert len(set(everything)) == flat.size
    assert by_key(everything[0]) == max(map(by_key, everything))


def test_pools_follow_the_seed(flat: Space) -> None:
    first, again, other = (set(build("screening", flat, scorer=by_key, pool=9, seed=s).ask(9)) for s in (1, 1, 2))
    assert first == again != other


def test_the_pool_is_scored_once_and_only_when_needed(flat: Space) -> None:
    calls = []
    strategy = build(
        "area", flat, scorer=lambda arch: calls.append(arch) or by_key(arch), pool=12, population=4, sample=2
    )
    assert not calls
    told(strategy, strategy.ask(4))
    told(strategy, strategy.ask(4))
    assert len(calls) == 12
    resumed = build(
        "area", flat, scorer=lambda arch: calls.append(arch) or by_key(arch), pool=12, population=4, sample=2
    )
    told(resumed, strategy.ranked)
    resumed.ask()
    assert len(calls) == 12  # past the pool there is nothing to score


def test_evolution_takes_the_screened_as_its_population(flat: Space) -> None:
    strategy = build("area", flat, scorer=by_key, pool=30, population=5, sample=5, seed=3)
    first = strategy.ask(5)
    told(strategy, first)
    child = strategy.ask()
    assert strategy.inner.members == tuple(first)
    assert any(sum(child[k] != parent[k] for k in child) == 1 for parent in first)


def test_asking_ahead_of_the_trials(flat: Space) -> None:
    """A batch that spans the pool and the strategy after it; random proposals keep their numbers."""
    whole = build("screening", flat, scorer=by_key, pool=3, seed=4)
    asked = whole.ask(6)
    split = build("screening", flat, scorer=by_key, pool=3, seed=4)
    told(split, asked[:4])
    assert split.ask(2) == asked[4:]


def test_no_number_ranks_last() -> None:
    space = Space([Choice("a", (1, 2, 3, 4))])
    scores = {1: math.nan, 2: -math.inf, 3: 0.0, 4: math.inf}
    asked = build("screening", space, scorer=lambda arch: scores[arch["a"]], pool=4).ask(4)
    assert [arch["a"] for arch in asked[:2]] == [4, 3]
    assert {arch["a"] for arch in asked[2:]} == {1, 2}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "ranked by a score"),
        ({"scorer": by_key, "pool": 0}, "first must be from 1 to pool=0"),
        ({"scorer": by_key, "pool": 5, "first": 6}, "first must be from 1 to pool=5, got 6"),
    ],
)
def test_mistakes(flat: Space, settings, message) -> None:
    with pytest.raises(UserError, match=message):
        Screened(Random(flat), **settings)


def test_settings_are_those_of_both(flat: Space) -> None:
    settings = build("area", flat, scorer=by_key).settings
    assert (settings["pool"], settings["first"], settings["population"], settings["sample"]) == (1000, 64, 64, 10)


@pytest.mark.parametrize("count", [50])
def test_a_better_start_shows_early(count: int) -> None:
    """A score that agrees with the goal in part: evolution from the screened finds more in the same trials."""
    space = Space([Choice(f"x{i}", tuple(range(4))) for i in range(12)])

    def good(arch: Arch) -> float:
        return float(sum(arch.values()))

    def best(strategy) -> float:
        found = []
        for number in range(count):
            arch = strategy.ask()
            found.append(good(arch))
            strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": good(arch)}))
        return max(found)

    half = {v.name for v in space.variables[:6]}
    screened, plain = [], []
    for seed in range(10):
        scorer = lambda arch: sum(v for k, v in arch.items() if k in half)  # noqa: E731
        screened.append(best(build("area", space, scorer=scorer, pool=200, population=20, sample=5, seed=seed)))
        plain.append(best(RegularizedEvolution(space, population=20, sample=5, seed=seed)))
    assert np.mean(screened) > np.mean(plain) + 1
