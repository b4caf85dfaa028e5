"""How an architecture reaches the layers: private to a call and to a thread."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from supernet_networks import mixed, one, weights
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Ordinal
from archwright.supernet import ElasticLinear, OneOf, Paths, Supernet
from archwright.supernet._selection import concrete, decision, selected

WIDTH = Ordinal("width", (2, 4))


def test_a_layer_outside_a_supernet_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"wrap the network, Supernet\(network\), and call net\(x, arch\)"):
        ElasticLinear(3, WIDTH)(torch.ones(1, 3))


def test_nothing_is_left_behind() -> None:
    net = mixed()
    before = {**vars(net)}, copy.deepcopy(net.state_dict())
    net(torch.randn(1, 2, 8, 8), net.space.sample(np.random.default_rng(0)))
    with pytest.raises(UserError, match="only inside a Supernet"):
        net.module(torch.randn(1, 2, 8, 8))
    assert vars(net) == before[0]
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), before[1].values()))


def test_elastic_layers_add_the_weights_they_used() -> None:
    torch.manual_seed(0)
    net = Supernet(nn.Sequential(ElasticLinear(3, WIDTH), nn.ReLU(), ElasticLinear(WIDTH, 2)))
    x, weights_of_sizes, uses = torch.randn(5, 3), torch.tensor([0.3, 0.7], requires_grad=True), list[Tensor]()
    net(x, {"width": Paths((0, 1), weights_of_sizes, uses)}).square().sum().backward(inputs=[weights_of_sizes, *uses])
    assert len(uses) >= 2
    torch.testing.assert_close(sum(u.grad for u in uses), weights_of_sizes.grad)


class _Fails(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ZeroDivisionError


def test_an_exception_inside_the_forward_leaves_nothing_behind() -> None:
    net = Supernet(OneOf("op", {"good": ElasticLinear(2, WIDTH), "bad": _Fails()}))
    with pytest.raises(ZeroDivisionError):
        net(torch.ones(1, 2), {"op": "bad"})
    with pytest.raises(UserError, match="only inside a Supernet"):
        decision(WIDTH)


def test_selections_nest() -> None:
    with selected({"width": 2}):
        with selected({"width": 4}):
            assert decision(WIDTH) == 4
        assert decision(WIDTH) == 2


def test_a_supernet_inside_a_supernet_sees_its_own_architecture() -> None:
    inner = one(ElasticLinear(3, WIDTH))

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = ElasticLinear(3, Ordinal("other", (3,)))
            self.teacher = [inner]  # not a child

        def forward(self, x: Tensor) -> Tensor:
            teacher = self.teacher[0](x, {"width": 2})
            return self.first(x).sum() + teacher.sum()

    Supernet(Outer())(torch.ones(1, 3), {"other": 3})


def test_an_open_variable_is_named() -> None:
    message = r"says nothing about 'width', which this path needs; it names \['depth'\]"
    with selected({"depth": 3}), pytest.raises(UserError, match=message):
        decision(WIDTH)


def test_a_plain_network_needs_decided_variables() -> None:
    with selected({"width": weights(0.5, 0.5)}), pytest.raises(UserError, match="'width' is relaxed"):
        concrete(WIDTH)


def test_two_threads_with_different_architectures_do_not_disturb_each_other() -> None:
    net, rng = mixed(), np.random.default_rng(1)
    archs = [net.space.sample(rng) for _ in range(4)]
    archs += [{**net.space.one_hot(archs[0]), "depth": weights(0.2, 0.3, 0.5)}]
    x = torch.randn(2, 2, 8, 8)
    with torch.no_grad():
        expected = [net(x, arch) for arch in archs]
    start = threading.Barrier(len(archs))

    def repeat(n: int) -> float:
        start.wait()
        with torch.no_grad():
            return max((net(x, archs[n]) - expected[n]).abs().max().item() for _ in range(100))

    with ThreadPoolExecutor(len(archs)) as pool:
        assert list(pool.map(repeat, range(len(archs)))) == [0.0] * len(archs)


def test_two_threads_meet_in_the_middle_of_their_forward() -> None:
    """The same, made certain: each thread waits inside its forward until the other is there too."""
    meeting = threading.Barrier(2, timeout=10)

    class Meet(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            meeting.wait()
            return x

    net = Supernet(nn.Sequential(ElasticLinear(3, WIDTH), Meet(), ElasticLinear(WIDTH, Ordinal("out", (1, 5)))))
    x = torch.ones(1, 3)
    with ThreadPoolExecutor(2) as pool:
        a, b = pool.map(lambda arch: net(x, arch), ({"width": 2, "out": 5}, {"width": 4, "out": 1}))
    assert (a.shape, b.shape) == ((1, 5), (1, 1))
