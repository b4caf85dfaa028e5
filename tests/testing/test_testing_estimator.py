"""Every registered estimator keeps its contract, and so do the ones that are put together in Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archwright import data, estimate, zoo
from archwright.estimate import Estimator, NetworkCosts, Table, WithCosts
from archwright.space import Choice, Space
from archwright.supernet import Supernet
from archwright.testing import EstimatorContract

NEEDED = {"cached-features": {"trunk": "blocks"}}


class TestEveryEstimator(EstimatorContract):
    @pytest.fixture
    def splits(self) -> data.Splits:
        """Rows of three classes that a small network can tell apart."""
        rng, y = np.random.default_rng(0), np.arange(120) % 3
        return data.load((rng.normal(y[:, None], 1.0, (120, 5)).astype(np.float32), y))

    @pytest.fixture
    def net(self) -> Supernet:
        torch.manual_seed(0)
        return zoo.build("mlp", in_channels=5, classes=3, width=16, depth=2)

    @pytest.fixture
    def space(self, net: Supernet) -> Space:
        return net.space

    @pytest.fixture(params=estimate.names())
    def estimator(self, request: pytest.FixtureRequest, net: Supernet, splits: data.Splits) -> Estimator:
        return estimate.ESTIMATORS.load(request.param)(net, splits, **NEEDED.get(request.param, {}))


class TestEveryEstimatorWithCosts(TestEveryEstimator):
    @pytest.fixture(params=estimate.names())
    def estimator(self, request: pytest.FixtureRequest, net: Supernet, splits: data.Splits) -> Estimator:
        return WithCosts(
            estimate.ESTIMATORS.load(request.param)(net, splits, **NEEDED.get(request.param, {})), NetworkCosts(net)
        )


class TestTable(EstimatorContract):
    @pytest.fixture
    def space(self) -> Space:
        return Space([Choice("a", ("x", "y")), Choice("b", (1, 2, 3))])

    @pytest.fixture
    def estimator(self, space: Space) -> Estimator:
        rng = np.random.default_rng(0)
        return Table({space.sample(rng): {"accuracy": float(n)} for n in range(200)})
