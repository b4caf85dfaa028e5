"""What every cost of a network keeps."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import ClassVar, SupportsFloat

import pytest
import torch
import torch.fx
from torch import Tensor, nn

Cost = Callable[[nn.Module, Tensor], SupportsFloat]


class CostContract:
    """Rules of a cost. Provide the fixture `cost`, a function of a plain network and an input batch that returns
    something `float` understands; smaller is cheaper.

    Attributes:
        measured: whether it is a measurement, which is never the same twice.
    """

    measured: ClassVar[bool] = False

    @pytest.fixture
    def cost(self) -> Cost:
        raise NotImplementedError("provide the function in a fixture called `cost`")

    @pytest.fixture
    def x(self) -> Tensor:
        """A batch of small images."""
        return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    @pytest.fixture
    def network(self) -> nn.Module:
        return convolutional(8)

    def test_it_is_a_positive_number(self, cost: Cost, network: nn.Module, x: Tensor) -> None:
        value = float(cost(network, x))
        assert math.isfinite(value)
        assert value > 0

    def test_rows_and_traced_networks_are_served(self, cost: Cost, network: nn.Module, x: Tensor) -> None:
        assert float(cost(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)), torch.randn(3, 6))) > 0
        assert float(cost(torch.fx.symbolic_trace(network), x)) > 0

    def test_it_is_the_same_again_and_in_both_modes(self, cost: Cost, network: nn.Module, x: Tensor) -> None:
        if self.measured:
            pytest.skip("a measurement is never the same twice")
        values = {float(cost(network.train(mode), x)) for mode in (True, True, False)}
        assert len(values) == 1

    def test_a_wider_network_costs_more(self, cost: Cost, network: nn.Module, x: Tensor) -> None:
        if self.measured:
            pytest.skip("a measurement may be disturbed")
        assert float(cost(convolutional(16), x)) > float(cost(network, x))

    @pytest.mark.parametrize("training", [True, False])
    def test_the_network_is_left_as_it_was(self, cost: Cost, network: nn.Module, x: Tensor, training: bool) -> None:
        network.train(training)
        network[3].eval()  # type: ignore[index]
        state, modes = copy.deepcopy(network.state_dict()), [m.training for m in network.modules()]
        given = x.clone()
        cost(network, x)
        assert all(torch.equal(t, state[n]) for n, t in network.state_dict().items())
        assert [m.training for m in network.modules()] == modes
        assert all(p.grad is None and p.requires_grad for p in network.parameters())
        assert torch.equal(x, given)

    def test_networks_stay_trainable(self, cost: Cost, network: nn.Module, x: Tensor) -> None:
        cost(network, x)
        network.train()(x).sum().backward()
        assert all(p.grad is not None for p in network.parameters())


def convolutional(width: int) -> nn.Sequential:
    """A small network with everything that has a state: weights, statistics, dropout."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Conv2d(width, width, 3, stride=2, groups=width, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, 5),
    )
