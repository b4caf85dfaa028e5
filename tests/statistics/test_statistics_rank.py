import math

import pytest

from archwright.statistics import kendall


def test_kendall_with_ties():
    assert kendall([1, 2, 3], [1, 2, 3]) == 1
    assert kendall([1, 2, 3], [3, 2, 1]) == -1
    assert kendall([1, 1, 2, 3], [1, 2, 2, 3]) == pytest.approx(4 / 5)
    assert math.isnan(kendall([1, 1], [1, 2]))
