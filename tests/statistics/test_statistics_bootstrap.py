import math

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.statistics import bootstrap, kendall, spearman, spearman_rows


def test_interval_of_a_mean_is_that_of_the_normal_distribution():
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap(np.mean, values, resamples=4000)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)


def test_rows_at_once_are_the_same_draws():
    a, b = np.random.default_rng(1).normal(size=(2, 30))
    one = bootstrap(spearman, a, b, resamples=100, seed=3)
    assert bootstrap(spearman_rows, a, b, resamples=100, seed=3, rows=True) == pytest.approx(one)
    assert bootstrap(spearman, a, b, resamples=100, seed=4) != one


def test_many_rows_are_drawn_in_blocks():
    values = np.arange(3000.0)
    assert bootstrap(lambda x: x.mean(-1), values, resamples=1500, rows=True) == pytest.approx((1468, 1530), abs=5)


def test_a_paired_difference_is_surer_than_two_intervals():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=200)
    good = truth + rng.normal(size=200)
    worse = good + 0.3 * rng.normal(size=200)
    low, high = bootstrap(lambda a, b, y: kendall(a, y) - kendall(b, y), good, worse, truth, resamples=200)
    alone = bootstrap(kendall, good, truth, resamples=200)
    assert 0 < high - low < alone[1] - alone[0]


def test_draws_without_a_value_are_left_out():
    low, high = bootstrap(kendall, [1, 2, 3], [1, 2, 3], resamples=50)
    assert (low, high) == pytest.approx((1, 1))
    assert all(math.isnan(end) for end in bootstrap(kendall, [1, 1], [1, 2], resamples=20))


def test_bad_input():
    with pytest.raises(UserError, match="one length"):
        bootstrap(kendall, [1, 2], [1, 2, 3])
    with pytest.raises(UserError, match="level"):
        bootstrap(np.mean, [1.0, 2.0], level=95)
