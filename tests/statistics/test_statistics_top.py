import math

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.statistics import best_rank_at, precision_at, regret_at, top, worst_rank_at

SCORES, TRUTH = [5, 4, 3, 2, 1, 0], [60, 90, 70, 95, 50, 40]


def test_by_hand():
    assert precision_at(2, SCORES, TRUTH) == 0.5
    assert precision_at(3, SCORES, TRUTH) == pytest.approx(2 / 3)
    assert best_rank_at(1, SCORES, TRUTH) == pytest.approx(4 / 6)
    assert best_rank_at(2, SCORES, TRUTH) == pytest.approx(2 / 6)
    assert worst_rank_at(3, SCORES, TRUTH) == pytest.approx(4 / 6)
    assert regret_at(1, SCORES, TRUTH) == 35
    assert regret_at(3, SCORES, TRUTH) == 5
    assert regret_at(4, SCORES, TRUTH) == 0


def test_everything_is_the_top_n():
    assert precision_at(6, SCORES, TRUTH) == 1
    assert best_rank_at(6, SCORES, TRUTH) == pytest.approx(1 / 6)
    assert worst_rank_at(6, SCORES, TRUTH) == 1


def test_k_as_a_share():
    assert precision_at(1 / 3, SCORES, TRUTH) == precision_at(2, SCORES, TRUTH)
    assert list(top(0.01, SCORES)) == [0]


def test_of_equal_values_the_first_counts_on_both_sides():
    assert list(top(2, [1, 3, 3, 3])) == [1, 2]
    assert precision_at(2, [1, 1, 1, 1], [9, 9, 9, 9]) == 1
    assert best_rank_at(1, [0, 1, 0], [7, 7, 9]) == pytest.approx(2 / 3)


def test_an_increasing_transform_changes_nothing():
    scores, truth = np.random.default_rng(0).normal(size=(2, 40))
    for statistic in (precision_at, best_rank_at, worst_rank_at, regret_at):
        assert statistic(5, np.exp(scores), truth) == statistic(5, scores, truth)


@pytest.mark.parametrize("k", [0, -1, 7, 2.5])
def test_k_out_of_range(k):
    with pytest.raises(UserError, match="from 1 to 6"):
        precision_at(k, SCORES, TRUTH)


def test_nan_has_no_place_in_an_order():
    with pytest.raises(UserError, match="NaN"):
        top(1, [1, math.nan])
