"""Tests of pairs, and their correction."""

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.statistics import holm, signed_rank


@pytest.mark.parametrize(("n", "least"), [(5, 0.0625), (6, 0.03125), (10, 0.001953125)])
def test_the_least_that_so_many_pairs_give(n: int, least: float) -> None:
    assert signed_rank(np.arange(n) + 1.0, np.zeros(n)) == pytest.approx(least)


def test_pairs_without_a_difference_are_left_out() -> None:
    a = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 7.0])
    assert signed_rank(a, np.array([0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 7.0])) == pytest.approx(0.0625)
    assert signed_rank(a, a) == 1.0
    assert signed_rank(a, a + 1) == signed_rank(a + 1, a)
    with pytest.raises(UserError, match="same length"):
        signed_rank(a, a[1:])


def test_holm() -> None:
    """0.01 x 4; 0.02 x 3; then what is not below the one before; at most 1."""
    assert holm([0.02, 0.01, 0.6, 0.03]).tolist() == pytest.approx([0.06, 0.04, 0.6, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_holm_errs_seldom() -> None:
    """Of 20 tests without any difference at least one is below 0.05 in 64 % of the cases, corrected in 5 %."""
    rng = np.random.default_rng(0)
    raw = rng.random((4000, 20))
    assert (raw.min(1) < 0.05).mean() == pytest.approx(0.64, abs=0.03)
    assert np.mean([holm(row).min() < 0.05 for row in raw]) == pytest.approx(0.05, abs=0.012)
