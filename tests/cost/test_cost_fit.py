"""The line from sums to networks, against numpy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from archwright.cost._fit import fit, kendall


def test_exact_line() -> None:
    found = fit([1.0, 2.0, 4.0], [2.5, 4.5, 8.5])
    assert (found.a, found.b) == (pytest.approx(0.5), pytest.approx(2.0))
    assert found.r2 == pytest.approx(1.0)
    assert found.tau == pytest.approx(1.0)
    assert found.error == pytest.approx(0.0)
    assert found.networks == 3
    assert found(3.0) == pytest.approx(6.5)


def test_least_squares() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 5, 30)
    y = 0.3 + 1.2 * x + rng.normal(0, 0.3, 30)
    found = fit(x.tolist(), y.tolist())
    slope, offset = np.polyfit(x, y, 1)
    assert (found.a, found.b) == (pytest.approx(offset), pytest.approx(slope))
    assert found.r2 == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)


@pytest.mark.parametrize(("x", "y"), [([2.0], [3.0]), ([2.0, 4.0], [3.0, 6.0]), ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])])
def test_too_few_or_falling_gives_a_ratio(x: list[float], y: list[float]) -> None:
    found = fit(x, y)
    assert found.a == 0.0
    assert found.b == pytest.approx(np.median(np.divide(y, x)))


def test_sums_too_small_for_the_timer() -> None:
    found = fit([0.0, 0.0, 0.0], [0.2, 0.3, 0.4])
    assert (found.a, found.b) == (pytest.approx(0.3), 1.0)
    assert fit([0.0, 2.0, 2.0], [0.5, 0.2, 0.4]).b == pytest.approx(0.15)


def test_no_networks() -> None:
    assert fit([], [])(1.5) == 1.5


def test_kendall_is_scipys() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        x, y = rng.integers(0, 6, 12), rng.integers(0, 6, 12)
        assert kendall(x, y) == pytest.approx(kendalltau(x, y).statistic)
    assert kendall([1, 1, 1], [1, 2, 3]) == 0.0
