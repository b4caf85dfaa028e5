"""Budgets and brackets against the published table."""

import pytest

from archwright.errors import UserError
from archwright.search.fidelity._ladder import bracket, given, hyperband_bracket, ladder

TABLE = {  # Li, Jamieson et al. 2018, table 1: R = 81, eta = 3; candidates at budgets
    4: [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    3: [(27, 3), (9, 9), (3, 27), (1, 81)],
    2: [(9, 9), (3, 27), (1, 81)],
    1: [(6, 27), (2, 81)],
    0: [(5, 81)],
}


@pytest.mark.parametrize("s", TABLE)
def test_the_brackets_of_hyperband_are_the_published_ones(s: int) -> None:
    plan = hyperband_bracket(ladder(1, 81, 3), s, 3)
    assert list(zip(plan.sizes, plan.budgets, strict=True)) == TABLE[s]


def test_the_algorithm_rounds_up() -> None:
    rungs = ladder(1, 81, 3)
    assert [hyperband_bracket(rungs, s, 3, "ceil").sizes[0] for s in (4, 3, 2, 1, 0)] == [81, 34, 15, 8, 5]


def test_a_bracket_costs_as_much_as_five_full_trainings() -> None:
    plan = hyperband_bracket(ladder(1, 81, 3), 4, 3)
    assert sum(n * b for n, b in zip(plan.sizes, plan.budgets, strict=True)) == 5 * 81


@pytest.mark.parametrize(
    ("least", "most", "eta", "rungs"),
    [
        (1, 243, 3, (1, 3, 9, 27, 81, 243)),
        (1, 1000, 10, (1, 10, 100, 1000)),
        (1, 12, 3, (12 / 9, 4, 12)),
        (4, 108, 3, (4, 12, 36, 108)),
        (5, 5, 3, (5,)),
        (9, 729, 3, (9, 27, 81, 243, 729)),
        (1, 20, 3, (20 / 9, 20 / 3, 20)),
    ],
)
def test_ladders(least: float, most: float, eta: float, rungs: tuple[float, ...]) -> None:
    assert ladder(least, most, eta) == pytest.approx(rungs, rel=1e-12)


def test_whole_budgets_are_whole() -> None:
    assert ladder(1, 243, 3) == (1, 3, 9, 27, 81, 243)


@pytest.mark.parametrize(
    ("rungs", "sizes"), [((12 / 9, 4, 12), (9, 3, 1)), ((4, 12), (3, 1)), ((12,), (3,))], ids=["s2", "s1", "s0"]
)
def test_brackets_up_to_twelve(rungs: tuple[float, ...], sizes: tuple[int, ...]) -> None:
    plan = hyperband_bracket(ladder(1, 12, 3), len(rungs) - 1, 3)
    assert (plan.budgets, plan.sizes) == (pytest.approx(rungs), sizes)


def test_a_stage_keeps_at_least_one() -> None:
    assert bracket((1, 3, 9), 2, 3).sizes == (2, 1, 1)


def test_no_digit_is_lost_by_other_factors() -> None:
    assert bracket((1, 2, 4, 8), 1000, 10).sizes == (1000, 100, 10, 1)


@pytest.mark.parametrize(("least", "most", "eta"), [(0, 9, 3), (10, 9, 3), (1, float("inf"), 3), (1, 9, 1)])
def test_bad_ladders(least: float, most: float, eta: float) -> None:
    with pytest.raises(UserError):
        ladder(least, most, eta)


@pytest.mark.parametrize("budgets", [(), (0, 1), (3, 2), (1, 1), (1, float("inf"))])
def test_bad_budgets(budgets: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match="increasing"):
        given(budgets)
