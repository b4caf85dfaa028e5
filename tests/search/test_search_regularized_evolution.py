"""Ageing evolution: what its paper's description promises."""

import collections

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search import RegularizedEvolution, Strategy
from archwright.space import Arch, Choice, Space
from archwright.trial import Trial

BITS = Space([Choice(f"b{i}", (0, 1)) for i in range(100)])


def ones(arch: Arch) -> float:
    return sum(arch.values()) / 100


def bit_string(strategy: Strategy, count: int, noise: float) -> list[tuple[float, Arch]]:
    """The toy of the reference notebook: noisy share of ones, fixed at birth. The whole history."""
    rng = np.random.default_rng(strategy.seed + 1000)
    history = []
    for number in range(count):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        score = min(max(ones(arch) + noise * rng.standard_normal(), 0.0), 1.0)
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": score}))
        history.append((score, arch))
    return history


def returned(history: list[tuple[float, Arch]]) -> float:
    return ones(max(history, key=lambda pair: pair[0])[1])


def tell(strategy: Strategy, *accuracies: float, **details: object) -> None:
    for accuracy in accuracies:
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        strategy.tell(Trial(number=strategy.told, arch=arch, metrics={"accuracy": accuracy}, **details))  # type: ignore[arg-type]


def test_bit_string_toy_reaches_the_published_value() -> None:
    values = [
        returned(bit_string(RegularizedEvolution(BITS, population=100, sample=10, seed=seed), 1000, 0.01))
        for seed in range(6)
    ]
    assert all(0.82 < v < 0.96 for v in values), values
    assert 0.87 < np.mean(values) < 0.915, values  # one run: 0.894 +- 0.022; random search 0.658 +- 0.018


def test_ageing_resists_noise() -> None:
    ageing, plain = (
        np.mean(
            [
                returned(bit_string(RegularizedEvolution(BITS, sample=10, remove=remove, seed=seed), 4000, 0.05))
                for seed in range(2)
            ]
        )
        for remove in ("oldest", "worst")
    )
    assert ageing > plain + 0.05  # 0.850 and 0.725 after 5000


def test_population_is_the_end_of_history_in_order(flat: Space) -> None:
    strategy = RegularizedEvolution(flat, population=7, sample=3)
    told = []
    for number in range(40):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        strategy.tell(Trial(number=number, arch=arch, metrics={"accuracy": float(number % 5)}))
        told.append(arch)
        assert strategy.members == tuple(told[-7:])


def test_even_the_best_dies_of_age(flat: Space) -> None:
    strategy = RegularizedEvolution(flat, population=5, sample=1)
    tell(strategy, 1.0)
    best = strategy.members[0]
    tell(strategy, *[0.0] * 4)
    assert best is strategy.members[0]
    tell(strategy, 0.0)
    assert all(member is not best for member in strategy.members)


def test_remove_worst_keeps_the_best(flat: Space) -> None:
    strategy = RegularizedEvolution(flat, population=5, sample=1, remove="worst")
    tell(strategy, 1.0)
    best = strategy.members[0]
    tell(strategy, *[0.0] * 20)
    assert strategy.members[0] is best
    assert len(strategy.members) == 5


def test_first_proposals_are_random_then_children_of_the_best(flat: Space) -> None:
    strategy = RegularizedEvolution(flat, population=6, sample=6, replace=False)
    tell(strategy, 1.0, 2.0, 9.0, 3.0, 4.0, 5.0)
    parent = strategy.members[2]
    child = strategy.ask()
    assert sum(child[name] != parent[name] for name in flat.names) == 1  # type: ignore[index]


def test_identity_repeats_the_parent(flat: Space) -> None:
    strategy = RegularizedEvolution(flat, population=1, sample=1, identity=0.25)
    tell(strategy, 1.0)
    parent = strategy.members[0]
    share = np.mean([a == parent for a in strategy.ask(4000)])
    assert abs(share - 0.25) < 0.03


def test_ties_are_broken_at_random(flat: Space) -> None:
    strategy = RegularizedEvolution(flat, population=4, sample=4, identity=0.99)
    for value in "abca":
        arch = flat.arch({"x0": value, "x1": "a", "x2": "a", "x3": "b" if strategy.told == 3 else "a"})
        strategy.tell(Trial(number=strategy.told, arch=arch, metrics={"accuracy": 1.0}))
    counts = collections.Counter(strategy.ask(2000))
    shares = [counts[member] / 2000 for member in strategy.members]
    assert all(0.2 < share < 0.3 for share in shares), shares


@pytest.mark.parametrize("replace", [True, False])
def test_tournament_pressure(flat: Space, replace: bool) -> None:
    strategy = RegularizedEvolution(flat, population=10, sample=3, replace=replace)
    tell(strategy, *map(float, range(10)))
    rng = np.random.default_rng(0)
    wins = np.mean([strategy._tournament(rng) == 9 for _ in range(4000)])
    assert abs(wins - (1 - 0.9**3 if replace else 0.3)) < 0.025


def test_failed_loses_against_all_and_infeasible_against_feasible(flat: Space) -> None:
    strategy = RegularizedEvolution(flat, population=4, sample=4, replace=False, limits={"params": 10})
    cases = [
        {"metrics": {"accuracy": 99.0, "params": 5.0}, "state": "failed"},
        {"metrics": {"accuracy": 98.0, "params": 30.0}},
        {"metrics": {"params": 20.0}, "state": "refused"},
        {"metrics": {"accuracy": 10.0, "params": 10.0}},
    ]
    for last, winner in ((1, 0), (2, 1), (3, 2), (4, 3)):
        case = cases[last - 1]
        arch = strategy.ask()
        strategy.tell(Trial(number=last - 1, arch=arch, **case))  # type: ignore[arg-type]
        assert strategy._tournament(np.random.default_rng(0)) == winner


def test_only_the_first_objective_counts(flat: Space) -> None:
    strategy = RegularizedEvolution(flat, population=2, sample=2, replace=False, objectives=("min:loss", "accuracy"))
    for loss, accuracy in ((1.0, 0.0), (2.0, 99.0)):
        strategy.tell(
            Trial(number=strategy.told, arch=strategy.ask(), metrics={"loss": loss, "accuracy": accuracy})  # type: ignore[arg-type]
        )
    assert strategy._tournament(np.random.default_rng(0)) == 0


def test_without_duplicates_every_proposal_is_new(flat: Space) -> None:
    strategy = RegularizedEvolution(flat, population=5, sample=2, duplicates=False)
    tell(strategy, *map(float, range(70)))
    assert len({*strategy._novelty._seen}) == 70  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sample": 101}, "sample must be from 1 to population=100, got 101"),
        ({"sample": 0}, "sample must be"),
        ({"population": 0}, "sample must be from 1 to population=0"),
        ({"identity": 1.0}, r"identity must be in \[0, 1\), got 1.0"),
        ({"remove": "youngest"}, "remove must be 'oldest' or 'worst', got 'youngest'"),
    ],
)
def test_settings_out_of_range(flat: Space, settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RegularizedEvolution(flat, **settings)  # type: ignore[arg-type]
