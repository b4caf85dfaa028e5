"""A small tabular problem that the tests of this room share."""

from typing import Any

import pytest

from archwright.space import Arch, Ordinal, Space


@pytest.fixture
def space() -> Space:
    """Three variables, 120 architectures."""
    return Space(
        [Ordinal("depth", (1, 2, 3, 4)), Ordinal("width", (8, 16, 24, 32, 40)), Ordinal("k", (1, 3, 5, 7, 9, 11))]
    )


@pytest.fixture
def table() -> Any:
    """Accuracy and parameters of an architecture; both grow with everything."""

    def estimate(arch: Arch) -> dict[str, float]:
        params = arch["depth"] * arch["width"] ** 2 * arch["k"]
        return {"accuracy": 100 * (1 - 1 / (1 + params**0.5)), "params": params}

    return estimate
