"""Local search: climbs, restarts, what it counts as a neighbourhood."""

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search import LocalSearch
from archwright.space import Arch, Choice, Ordinal, Real, Space
from archwright.testing import StrategyContract
from archwright.trial import Trial

GRID = Space([Ordinal("x", range(8)), Ordinal("y", range(8))])


class TestContract(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return LocalSearch


def tell(strategy: LocalSearch, arch: Arch, value: float, **details: object) -> None:
    strategy.tell(Trial(number=strategy.told, arch=arch, metrics={"accuracy": value}, **details))  # type: ignore[arg-type]


def drive(strategy: LocalSearch, count: int, value) -> list[Arch]:
    archs = []
    for _ in range(count):
        arch = strategy.ask()
        assert isinstance(arch, Arch)
        tell(strategy, arch, value(arch))
        archs.append(arch)
    return archs


def test_moves_at_the_first_improvement_and_not_otherwise() -> None:
    strategy = LocalSearch(GRID, start=1)
    first = GRID.arch({"x": 3, "y": 3})
    tell(strategy, first, 1.0)
    neighbour = strategy.ask()
    assert neighbour in GRID.neighbours(first)
    tell(strategy, neighbour, 1.0)
    assert strategy.centre == first, "as good is not better"
    better = strategy.ask()
    tell(strategy, better, 2.0)
    assert strategy.centre == better


def test_starts_anew_when_no_neighbour_is_left() -> None:
    strategy = LocalSearch(GRID, start=1)
    first = strategy.ask()
    tell(strategy, first, 1.0)
    around = drive(strategy, 14, lambda arch: 0.0)
    assert set(around) == set(GRID.neighbours(first))
    (other,) = drive(strategy, 1, lambda arch: 0.5)
    assert other not in {first, *around}
    assert strategy.centre == other, "the new climb does not compare with the old one"


def test_a_climb_can_begin_at_the_best_of_several() -> None:
    strategy = LocalSearch(GRID, start=3)
    values = iter((1.0, 5.0, 2.0))
    drawn = drive(strategy, 3, lambda arch: next(values))
    assert strategy.centre == drawn[1]
    assert strategy.ask() in GRID.neighbours(drawn[1])


def test_reaches_the_top_of_every_hill_without_repeats() -> None:
    space = Space([Ordinal(f"x{i}", range(6)) for i in range(5)])
    archs = drive(LocalSearch(space, seed=1), 200, lambda arch: float(sum(arch.values())))
    assert len(set(archs)) == 200
    assert max(sum(arch.values()) for arch in archs) == 25


def test_real_variables_move_as_often_as_asked() -> None:
    space = Space([Real("rate", 0.0, 1.0), Choice("op", ("a", "b"))])
    strategy = LocalSearch(space, start=1, steps=6)
    first = space.arch({"rate": 0.5, "op": "a"})
    tell(strategy, first, 1.0)
    around = drive(strategy, 7, lambda arch: 0.0)
    assert sum(arch["op"] == "b" for arch in around) == 1
    moved = [arch["rate"] for arch in around if arch["op"] == "a"]
    assert len(moved) == 6
    assert np.std(moved) < 0.25
    (restart,) = drive(strategy, 1, lambda arch: 0.5)
    assert strategy.centre == restart


def test_real_variables_alone_can_be_climbed() -> None:
    space = Space([Real("a", 0.0, 1.0), Real("b", 0.0, 1.0)])
    archs = drive(LocalSearch(space, steps=10), 150, lambda arch: -((arch["a"] - 0.3) ** 2) - (arch["b"] - 0.9) ** 2)
    best = min(archs, key=lambda arch: (arch["a"] - 0.3) ** 2 + (arch["b"] - 0.9) ** 2)
    assert abs(best["a"] - 0.3) < 0.05
    assert abs(best["b"] - 0.9) < 0.05


def test_a_batch_larger_than_the_neighbourhood_is_filled_at_random(flat: Space) -> None:
    strategy = LocalSearch(flat, start=1)
    tell(strategy, strategy.ask(), 1.0)  # type: ignore[arg-type]
    batch = strategy.ask(12)
    around = set(flat.neighbours(strategy.centre))  # type: ignore[arg-type]
    assert set(batch[:8]) == around
    assert len(set(batch)) == 12


def test_limits_come_before_the_objective(flat: Space) -> None:
    strategy = LocalSearch(flat, start=1, limits={"params": 10})
    first = strategy.ask()
    strategy.tell(Trial(number=0, arch=first, metrics={"accuracy": 99.0, "params": 20.0}))  # type: ignore[arg-type]
    second = strategy.ask()
    strategy.tell(Trial(number=1, arch=second, metrics={"accuracy": 1.0, "params": 9.0}))  # type: ignore[arg-type]
    assert strategy.centre == second
    strategy.tell(Trial(number=2, arch=strategy.ask(), state="failed"))  # type: ignore[arg-type]
    assert strategy.centre == second


@pytest.mark.parametrize(
    ("settings", "message"), [({"start": 0}, "start must be at least 1"), ({"steps": -1}, "steps must be at least 0")]
)
def test_settings_out_of_range(flat: Space, settings: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        LocalSearch(flat, **settings)  # type: ignore[arg-type]
