import math

import pytest

from archwright.statistics import wilson


def test_wilson_against_published_values():
    # Newcombe 1998, table I, method 3
    published = ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718))
    for k, n, low, high in published:
        assert wilson(k / n, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(math.nan, 5) == (0, 1)
    assert wilson(0.5, 0) == (0, 1)
