"""Optuna's own contract for samplers, for every strategy as an Optuna sampler."""

from collections.abc import Callable
from typing import Any

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from archwright.search import OptunaSampler, names

SMALL: dict[str, dict[str, Any]] = {
    "area": {"pool": 8, "population": 4, "sample": 2, "scorer": len},
    "asynchronous-halving": {"max_budget": 3},
    "bohb": {"max_budget": 3, "samples": 8},
    "casmopolitan": {"initial": 4, "starts": 1},
    "gp": {"initial": 4},
    "hyperband": {"max_budget": 3},
    "kernel-density": {"samples": 8},
    "learning-curve-stopping": {"base": "nsga2"},
    "median-stopping": {"base": "hyperband", "max_budget": 3},
    "nasbot": {"initial": 4, "size": 5},
    "nsga2": {"population": 4},
    "pnas": {"first": 8, "beam": 4, "candidates": 100, "members": 2, "epochs": 10},
    "ppo": {"batch": 4, "minibatch": 4, "hidden": 8},
    "predictor": {"model": "ridge", "initial": 4, "candidates": 20},
    "pymoo-ga": {"population": 4},
    "pymoo-nsga2": {"population": 4},
    "regularized-evolution": {"population": 4, "sample": 2},
    "reinforce": {"batch": 4, "hidden": 8},
    "screening": {"pool": 8, "scorer": len},
    "string-kernel-bo": {"initial": 4, "population": 10, "generations": 2},
    "successive-halving": {"max_budget": 3},
    "tw-nas": {"initial": 4},
}
SLOW = {"casmopolitan", "gp", "nasbot", "optuna-gp", "pnas", "predictor", "string-kernel-bo", "tw-nas"}
"""Strategies that fit a model at every proposal: their part of the suite takes a quarter of an hour in all."""


def _marked(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name


class _Sampler:
    @pytest.fixture(params=[_marked(name) for name in names()])
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        if request.param.startswith("pymoo"):
            pytest.importorskip("pymoo")
        return lambda: OptunaSampler(request.param, seed=0, **SMALL.get(request.param, {}))


class TestBasic(_Sampler, BasicSamplerTestCase):
    pass


class TestRelative(_Sampler, RelativeSamplerTestCase):
    pass


class TestMultiObjective(_Sampler, MultiObjectiveSamplerTestCase):
    pass
