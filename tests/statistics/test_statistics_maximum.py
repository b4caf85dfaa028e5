import itertools

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.statistics import expected_maxima, expected_maximum


def test_values_of_the_sheet():
    values = np.random.default_rng(0).permutation(np.arange(1, 11))
    assert expected_maximum(values, 3) == pytest.approx(8.25)
    assert expected_maximum(values, 1) == pytest.approx(5.5)
    assert expected_maximum(values, 10) == pytest.approx(10)


def test_against_every_draw():
    values, report = [3, 1, 4, 1, 5], [10, 20, 30, 40, 50]
    draws = list(itertools.combinations(range(5), 3))
    assert expected_maximum(values, 3) == pytest.approx(np.mean([max(values[i] for i in d) for d in draws]))
    chosen = [report[max(d, key=lambda i: values[i])] for d in draws]
    assert expected_maximum(values, 3, report=report) == pytest.approx(np.mean(chosen))


def test_equal_values_are_selected_equally_often():
    assert expected_maximum([1, 1], 2, report=[0, 10]) == pytest.approx(5)
    assert expected_maximum([0, 1, 1], 1, report=[0, 3, 9]) == pytest.approx(4)


def test_against_simulated_draws():
    rng = np.random.default_rng(1)
    values = rng.normal(size=40)
    simulated = rng.permuted(np.tile(values, (100_000, 1)), axis=1)[:, :6].max(1).mean()
    assert expected_maximum(values, 6) == pytest.approx(simulated, abs=0.01)


def test_large_tables():
    values = np.arange(423_624.0)
    assert expected_maximum(values, 1000) == pytest.approx(1000 / 1001 * 423_625 - 1)


def test_bad_input():
    with pytest.raises(UserError, match="from 1 to 2"):
        expected_maximum([1, 2], 3)
    with pytest.raises(UserError, match="NaN"):
        expected_maximum([1, float("nan")], 1)


def test_the_whole_curve() -> None:
    rng = np.random.default_rng(5)
    values, report = rng.integers(0, 20, 40).astype(float), rng.normal(size=40)
    curve = expected_maxima(values, 12, report=report)
    assert curve.tolist() == [expected_maximum(values, n, report=report) for n in range(1, 13)]
    assert expected_maxima(np.arange(1.0, 11.0), 10)[[0, 2, 9]].tolist() == pytest.approx([5.5, 8.25, 10])
    with pytest.raises(UserError, match="n must be from 1 to 40"):
        expected_maxima(values, 41)
