import math

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.statistics import t_interval, wilson


def test_wilson_against_published_values():
    # Newcombe 1998, table I, method 3
    published = ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718))
    for k, n, low, high in published:
        assert wilson(k / n, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(math.nan, 5) == (0, 1)
    assert wilson(0.5, 0) == (0, 1)


@pytest.mark.parametrize(("n", "factor"), [(3, 2.48), (5, 1.24), (10, 0.715), (20, 0.468), (50, 0.284)])
def test_half_width_of_the_t_interval(n, factor):
    values = np.random.default_rng(0).normal(size=n)
    low, high = t_interval(values)
    assert (high - low) / 2 / values.std(ddof=1) == pytest.approx(factor, abs=0.005)
    assert (high + low) / 2 == pytest.approx(values.mean())


def test_t_interval_covers_the_mean_as_often_as_it_says():
    runs = np.random.default_rng(0).normal(size=(10_000, 10))
    covered = [low <= 0 <= high for low, high in map(t_interval, runs)]
    assert 0.94 <= np.mean(covered) <= 0.96


def test_t_interval_of_nothing():
    assert all(math.isnan(end) for end in t_interval([1.0]))
    with pytest.raises(UserError, match="level"):
        t_interval([1.0, 2.0], level=95)
