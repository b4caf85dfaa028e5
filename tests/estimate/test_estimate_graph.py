"""Shared weights of a graph supernet."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archwright.data.graphs import Graph
from archwright.errors import UserError
from archwright.estimate import SharedGraphWeights
from archwright.search import Random
from archwright.study import Study
from archwright.supernet import OneOf, Supernet, SupernetStep, Uniform
from archwright.testing import EstimatorContract
from archwright.train import GraphTrainer
from archwright.zoo import graphnas


def graph() -> Graph:
    """A ring of two classes whose features tell them."""
    nodes = torch.arange(24)
    ring = torch.stack([nodes, nodes.roll(2)])
    x = torch.stack([(nodes % 2).float() * 2 - 1, torch.ones(24)], 1)
    return Graph(
        name="ring", x=x, edge_index=torch.cat([ring, ring.flip(0)], 1), y=nodes % 2, classes=2, train=nodes < 8,
        valid=(nodes >= 8) & (nodes < 16), test=nodes >= 16,
    )  # fmt: skip


@pytest.fixture(scope="module")
def net() -> Supernet:
    torch.manual_seed(0)
    supernet = graphnas.micro_supernet(graph(), width=8, dropout=0.0)
    step = SupernetStep(supernet.space, Uniform(), distil=False)
    for _ in GraphTrainer(epochs=200, lr=0.02).fit(supernet, graph(), step=step, metrics=lambda _: {}):
        pass
    return supernet


class TestSharedGraphWeights(EstimatorContract):
    @pytest.fixture
    def estimator(self, net):
        return SharedGraphWeights(net, graph())

    @pytest.fixture
    def space(self, net):
        return net.space


def test_the_accuracy_is_that_of_the_path(net):
    g, judge = graph(), SharedGraphWeights(net, graph())
    found = []
    for seed in range(8):
        arch = net.space.sample(np.random.default_rng(seed))
        (report,) = judge(arch)
        right = (net.eval()(g.x, arch).argmax(1) == g.y)[g.valid]
        found.append(report.metrics["accuracy"])
        assert found[-1] == pytest.approx(100 * right.float().mean().item())
    assert max(found) == 100.0


def test_statistics_are_those_of_the_path():
    class Normalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = OneOf("scale", {"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
            self.norm = nn.BatchNorm1d(2)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(self.scale(x))

    net, g = Supernet(Normalised()), graph()
    with torch.no_grad():
        linear = net.module.scale.options[0]
        linear.weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
        linear.bias.copy_(torch.tensor([100.0, 0.0]))  # only normalised does the second class ever win
    (report,) = SharedGraphWeights(net, g)(net.space.arch({"scale": "a"}))
    assert report.metrics["accuracy"] == 100.0
    assert net.module.norm.num_batches_tracked == 0


def test_a_search_finds_a_network(net):
    study = Study(net.space, Random(net.space, seed=0), SharedGraphWeights(net, graph()), seed=0)
    study.run(trials=10)
    assert max(trial.metrics["accuracy"] for trial in study.trials) == 100.0


def test_without_validation_nodes(net):
    with pytest.raises(UserError, match="no valid nodes"):
        SharedGraphWeights(net, dataclasses.replace(graph(), valid=torch.zeros(24).bool()))
