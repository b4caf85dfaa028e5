"""Every registered strategy keeps its contract."""

from __future__ import annotations

import functools

import pytest

from archwright import search
from archwright.testing import StrategyContract
from archwright.testing._strategy import Make


class TestEveryStrategy(StrategyContract):
    @pytest.fixture(params=search.names())
    def strategy(self, request: pytest.FixtureRequest) -> Make:
        return functools.partial(search.build, request.param)


class TestWithinItsFirstGenerations(StrategyContract):
    """Small populations, so that the rules meet evolved proposals too, not only the random start."""

    @pytest.fixture(params=[("nsga2", {"population": 5}), ("regularized-evolution", {"population": 6, "sample": 3})])
    def strategy(self, request: pytest.FixtureRequest) -> Make:
        name, settings = request.param
        return functools.partial(search.build, name, **settings)
