"""Comparing trials under limits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from archwright.search._fitness import constrained_fronts, crowding, fitness, fronts, non_dominated
from archwright.space import Arch
from archwright.trial import Objective, Trial

GOALS = (Objective("accuracy", True), Objective("params", False))
LIMITS = {"params": 100.0}
INF = math.inf

losses = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 3)),
    elements=st.integers(0, 4).map(float) | st.just(INF),
)


def trial(state: str = "complete", **metrics: float) -> Trial:
    return Trial(number=0, arch=Arch({}), state=state, metrics=metrics)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (trial(accuracy=90, params=50), (0, -90, 50)),
        (trial(accuracy=90, params=150), (0.5, -90, 150)),
        (trial("refused", params=150), (0.5, INF, 150)),
        (trial("refused", params=150, accuracy=math.nan), (0.5, INF, 150)),
        (trial("stopped", accuracy=10, params=50), (0, -10, 50)),
        (trial("failed", accuracy=90, params=50), (INF, INF, INF)),
        (trial(params=50), (INF, INF, INF)),
        (trial(accuracy=math.nan, params=50), (INF, INF, INF)),
        (trial(accuracy=-INF, params=50), (INF, INF, INF)),
    ],
)
def test_fitness(candidate: Trial, expected: tuple[float, ...]) -> None:
    assert fitness(candidate, GOALS, LIMITS) == expected


def dominated(table: np.ndarray, i: int) -> bool:
    return any((row <= table[i]).all() and (row < table[i]).any() for row in table)


@given(losses)
def test_non_dominated_is_the_definition(table: np.ndarray) -> None:
    assert non_dominated(table).tolist() == [not dominated(table, i) for i in range(len(table))]


def test_non_dominated_of_nothing() -> None:
    assert non_dominated(np.empty((0, 2))).tolist() == []


@given(losses)
def test_fronts_peel_off(table: np.ndarray) -> None:
    ranks = fronts(table)
    left = np.arange(len(table))
    rank = 0
    while len(left):
        front = non_dominated(table[left])
        assert (ranks[left] == rank).tolist() == front.tolist()
        left = left[~front]
        rank += 1


def test_constrained_fronts_put_feasible_first_then_smaller_violations() -> None:
    table = np.array(
        [
            [0.0, 3, 3],  # dominated by the next
            [0.0, 1, 2],
            [0.0, 2, 1],
            [0.5, 0, 0],  # infeasible, whatever its losses
            [0.1, 9, 9],
            [INF, INF, INF],
        ]
    )
    assert constrained_fronts(table).tolist() == [1, 0, 0, 3, 2, 4]


def test_constrained_fronts_without_feasible_rows() -> None:
    assert constrained_fronts(np.array([[0.2, 1.0], [0.1, 1.0], [0.2, 0.0]])).tolist() == [1, 0, 1]


def test_crowding_by_hand() -> None:
    table = np.array([[0, 0.0, 4.0], [0, 1.0, 2.0], [0, 3.0, 1.0], [0, 4.0, 0.0], [0, 9.0, 9.0]])
    ranks = np.array([0, 0, 0, 0, 1])
    # second: (3 - 0) / 4 + (4 - 1) / 4; third: (4 - 1) / 4 + (2 - 0) / 4
    assert crowding(table, ranks).tolist() == [INF, 1.5, 1.25, INF, INF]


def test_crowding_of_equal_or_infinite_losses_is_quiet() -> None:
    table = np.array([[0, 1.0], [0, 1.0], [0, 1.0], [1, INF], [1, INF], [1, INF], [2, 5.0]])
    ranks = np.array([0, 0, 0, 1, 1, 1, 2])
    assert crowding(table, ranks).tolist() == [INF, 0, INF, INF, 0, INF, INF]
