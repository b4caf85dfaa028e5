"""Spaces that the tests of this room share."""

import pytest

from archwright.space import Choice, Ordinal, Real, Space


def _narrow_where_slow(arch: dict[str, float]) -> bool:
    return arch.get("width", 0) < 48 or arch["rate"] > 0.01


@pytest.fixture
def flat() -> Space:
    """Four variables of three options: 81 architectures."""
    return Space([Choice(f"x{i}", ("a", "b", "c")) for i in range(4)])


@pytest.fixture
def mixed() -> Space:
    """Every kind of variable, a condition and a constraint."""
    return Space(
        [
            Ordinal("width", (16, 32, 48)),
            Choice("op", ("conv", "skip", None)),
            Real("rate", 1e-4, 1.0, log=True),
            Ordinal("kernel", (3, 5, 9)),
        ],
        when={"width": {"op": ["conv"]}, "kernel": {"op": ["conv"]}},
        where=_narrow_where_slow,
    )
