"""Flat graphs: readable names, exact keys, nothing changed in what is computed."""

from __future__ import annotations

import collections

import pytest
import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.export import flatten


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.skip = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.body(x)


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.5]), persistent=False)
        self.gain = nn.Parameter(torch.tensor([2.0]), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.gain


def keys(module: nn.Module) -> list[str]:
    return list(module.state_dict())


def test_same_output_and_input_untouched() -> None:
    net = nn.Sequential(Scale(), nn.Conv2d(3, 4, 1), Block(4), Block(4), nn.Flatten(), nn.Dropout(0.5))
    net.train()
    x = torch.randn(2, 3, 5, 5)
    flat = flatten(net)
    assert net.training
    assert not flat.training
    assert torch.equal(flat(x), net.eval()(x))


def test_names_are_identifiers_and_short() -> None:
    net = nn.Sequential(Scale(), nn.Sequential(nn.Conv2d(3, 4, 1), Block(4), Block(4)))
    flat = flatten(net)
    assert {"gain", "mean", "conv0.weight", "conv0.bias"} <= set(keys(flat))
    assert "block1_body_conv0.weight" in keys(flat)
    assert "block2_body_bn1.running_mean" in keys(flat)
    assert all(name.isidentifier() for name, _ in flat.named_children())


def test_positions_that_tell_nothing_apart_go() -> None:
    net = nn.Sequential(Scale(), nn.Sequential(collections.OrderedDict(stem=nn.Conv2d(3, 4, 1))))
    assert set(keys(flatten(net))) == {"gain", "mean", "stem.weight", "stem.bias"}


def test_equal_stateless_layers_become_one() -> None:
    net = nn.Sequential(nn.ReLU(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU(inplace=True), nn.Identity())
    names = [name for name, _ in flatten(net).named_children()]
    assert names == ["relu", "linear1", "linear3", "relu_2"]


def test_flat_keys_stay_and_flattening_twice_changes_nothing() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.PReLU()  # a name that stateless layers would like to have
            self.fc = nn.Linear(3, 2)
            self.act = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.relu(self.act(x)))

    net = Flat()
    once = flatten(net)
    assert set(keys(once)) == set(keys(net))
    twice = flatten(once)
    assert keys(twice) == keys(once)
    assert [n.target for n in twice.graph.nodes] == [n.target for n in once.graph.nodes]


def test_names_of_module_itself_are_avoided() -> None:
    class Awkward(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.ModuleDict({"b": nn.Linear(2, 2)})
            self.a_b = nn.Linear(2, 2)
            self.zero = nn.ModuleDict({"grad": nn.Linear(2, 2)})

        def forward(self, x: Tensor) -> Tensor:
            return self.zero["grad"](self.a_b(self.a["b"](x)))

    net = Awkward()
    flat = flatten(net)
    assert len({name for name, _ in flat.named_children()}) == 3
    x = torch.randn(1, 2)
    assert torch.equal(flat(x), net(x))


def test_lone_layer_stays_a_layer() -> None:
    assert keys(flatten(nn.Linear(2, 3))) == ["linear0.weight", "linear0.bias"]


def test_dead_layers_are_dropped() -> None:
    class Dead(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = nn.Linear(2, 2)
            self.unused = nn.Linear(2, 200)

        def forward(self, x: Tensor) -> Tensor:
            self.unused(x)
            return self.used(x)

    assert keys(flatten(Dead())) == ["used.weight", "used.bias"]


def test_control_flow_is_refused_with_advice() -> None:
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(UserError, match=r"Branch cannot be written as plain code.*must not branch"):
        flatten(Branch())
