"""Every registered strategy keeps its contract."""

from __future__ import annotations

import functools

import pytest

from archwright import search
from archwright.space import Arch
from archwright.testing import StrategyContract
from archwright.testing._strategy import Make


def by_key(arch: Arch) -> float:
    """A score that follows from the architecture."""
    return int(arch.key, 16) % 1013


SLOW = {"optuna-gp", "pnas"}
"""Minutes where a space has constraints."""
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in search.names()]


class TestEveryStrategy(StrategyContract):
    @pytest.fixture(params=NAMES)
    def strategy(self, request: pytest.FixtureRequest) -> Make:
        runtime = {"scorer": by_key} if request.param in ("area", "screening") else {}
        return functools.partial(search.build, request.param, **runtime)


class TestWithinItsFirstGenerations(StrategyContract):
    """Small populations, so that the rules meet evolved proposals too, not only the random start."""

    @pytest.fixture(
        params=[
            ("nsga2", {"population": 5}),
            ("regularized-evolution", {"population": 6, "sample": 3}),
            ("area", {"population": 6, "sample": 3, "pool": 20, "scorer": by_key}),
            ("screening", {"pool": 6, "scorer": by_key}),
        ]
    )
    def strategy(self, request: pytest.FixtureRequest) -> Make:
        name, settings = request.param
        return functools.partial(search.build, name, **settings)
