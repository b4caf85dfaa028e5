"""Optuna's own contract for samplers, for every strategy of ours as an Optuna sampler."""

from collections.abc import Callable

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from archwright.search import OptunaSampler

STRATEGIES = {
    "random": {},
    "regularized-evolution": {"population": 4, "sample": 2},
    "nsga2": {"population": 4},
}


class _Sampler:
    @pytest.fixture(params=STRATEGIES)
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return lambda: OptunaSampler(request.param, seed=0, **STRATEGIES[request.param])


class TestBasic(_Sampler, BasicSamplerTestCase):
    pass


class TestRelative(_Sampler, RelativeSamplerTestCase):
    pass


class TestMultiObjective(_Sampler, MultiObjectiveSamplerTestCase):
    pass
