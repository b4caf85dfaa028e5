"""Every registered cost keeps its contract."""

from __future__ import annotations

import functools

import pytest

from archwright import cost
from archwright.testing import CostContract
from archwright.testing._cost import Cost

EXACT = [name for name in cost.names() if name != "latency_ms"]


class TestEveryExactCost(CostContract):
    @pytest.fixture(params=EXACT)
    def cost(self, request: pytest.FixtureRequest) -> Cost:
        return cost.COSTS.load(request.param)


class TestMultiplyAccumulates(CostContract):
    @pytest.fixture
    def cost(self) -> Cost:
        return cost.macs


class TestLatency(CostContract):
    measured = True

    @pytest.fixture(params=["torch", "onnxruntime"])
    def cost(self, request: pytest.FixtureRequest) -> Cost:
        return functools.partial(cost.latency, runtime=request.param, warmup=1, repeats=3)
