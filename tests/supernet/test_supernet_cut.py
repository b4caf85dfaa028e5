"""A network in two halves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright import zoo
from archwright.errors import UserError
from archwright.supernet import cut


class Parts(nn.Module):
    """A parameter of its own behind the trunk, and on request a path round it, a second run, or no way out."""

    def __init__(self, kind: str = "chain") -> None:
        super().__init__()
        self.kind, self.scale = kind, nn.Parameter(torch.tensor(3.0))
        self.stem, self.trunk, self.head = nn.Linear(4, 6), nn.Sequential(nn.Linear(6, 6), nn.ReLU()), nn.Linear(6, 2)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        h = self.trunk(stem)
        if self.kind == "around":
            h = h + stem
        if self.kind == "twice":
            h = self.trunk(h)
        if self.kind == "unused":
            return self.head(stem)
        if self.kind == "mode":
            h = F.dropout(h, 0.5, self.training)
        return self.head(self.drop(h * self.scale.exp()))


@pytest.mark.parametrize("name", ["stem", "trunk", "trunk.0", "trunk.1"])
def test_halves_are_the_network(name: str) -> None:
    torch.manual_seed(0)
    whole, x = Parts().eval(), torch.randn(5, 4)
    before, after = cut(whole, name)
    assert torch.equal(after(before(x)), whole(x))
    if name != "stem":
        assert sorted(n for n, _ in after.named_parameters()) == ["head.bias", "head.weight", "scale"]
    held = {id(p) for p in whole.parameters()}
    assert {id(p) for half in (before, after) for p in half.parameters()} == held
    assert not before.training
    assert all(half.training for half in cut(whole.train(), name))


@pytest.mark.parametrize(
    ("space", "trunk"), [("convnet", "stages"), ("convnet", "stages.0"), ("nasbench201", "cells.1"), ("mlp", "blocks")]
)
def test_networks_of_the_zoo(space: str, trunk: str) -> None:
    torch.manual_seed(0)
    net = zoo.build(space, in_channels=3, classes=4, image_size=16)
    rng = np.random.default_rng(0)
    for _ in range(3):
        whole, x = net.slice(net.space.sample(rng)).eval(), torch.randn(2, 3, 16, 16)
        before, after = cut(whole, trunk)
        assert torch.equal(after(before(x)), whole(x))


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("chain", "tronk", "no module 'tronk'; did you mean 'trunk'"),
        ("around", "trunk", "also reads 'stem'"),
        ("twice", "trunk", "runs 2 times"),
        ("unused", "trunk", "does not reach its output"),
        ("unused", "drop", "runs 0 times"),
        ("mode", "trunk", "cannot be traced"),
    ],
)
def test_what_cannot_be_cut(kind: str, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        cut(Parts(kind), name)
