"""One of several modules."""

from __future__ import annotations

import pytest
import torch
from supernet_networks import one, weights
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Choice
from archwright.supernet import OneOf, Supernet, Zero


class Scale(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("this option must not run")


X = torch.tensor([[1.0, -2.0]], dtype=torch.float64)


def scales() -> Supernet:
    return Supernet(OneOf("op", {"one": Scale(1.0), "ten": Scale(10.0), "hundred": Scale(100.0)}))


def test_concrete_runs_the_chosen_option_alone() -> None:
    net = Supernet(OneOf("op", {"good": Scale(3.0), "bad": Broken()}))
    assert torch.equal(net(X, {"op": "good"}), 3 * X)


def test_relaxed_is_the_weighted_sum() -> None:
    torch.testing.assert_close(scales()(X, {"op": weights(0.5, 0.3, 0.2)}), 23.5 * X, rtol=0, atol=1e-13)


def test_options_of_weight_zero_do_not_run() -> None:
    net = Supernet(OneOf("op", {"good": Scale(3.0), "bad": Broken()}))
    assert torch.equal(net(X, {"op": weights(1.0, 0.0)}), 3 * X)


def test_options_of_weight_zero_run_if_the_weight_needs_a_gradient() -> None:
    alpha = weights(1.0, 0.0, 0.0, grad=True)
    scales()(X, {"op": alpha}).sum().backward()
    assert torch.equal(alpha.grad, weights(-1.0, -10.0, -100.0))


def test_a_mixture_of_nothing_is_zero() -> None:
    assert torch.equal(scales()(X, {"op": weights(0.0, 0.0, 0.0)}), 0 * X)


def test_zero_does_not_run_beside_others_and_gets_its_gradient() -> None:
    net = Supernet(OneOf("op", {"none": Zero(), "ten": Scale(10.0)}))
    alpha = weights(0.4, 0.6, grad=True)
    out = net(X, {"op": alpha})
    out.sum().backward()
    torch.testing.assert_close(out, 6 * X)
    assert torch.equal(alpha.grad, weights(0.0, -10.0))
    assert not net(X, {"op": weights(1.0, 0.0)}).any()
    assert not net(X, {"op": "none"}).any()


def test_straight_through_weights_carry_gradients_to_every_option() -> None:
    soft = weights(0.2, 0.5, 0.3, grad=True)
    hard = weights(0.0, 1.0, 0.0) + soft - soft.detach()
    out = scales()(X, {"op": hard})
    out.sum().backward()
    torch.testing.assert_close(out, 10 * X)
    torch.testing.assert_close(soft.grad, weights(-1.0, -10.0, -100.0))


def test_gradients_of_relaxed_weights() -> None:
    net = one(OneOf("op", {"linear": nn.Linear(2, 3), "tanh": nn.Sequential(nn.Linear(2, 3), nn.Tanh())}), double=True)
    x = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, a: net(x, {"op": a}), (x, weights(0.4, 0.6, grad=True)))


def test_one_choice_decides_several_layers() -> None:
    choice = Choice("op", ("one", "ten"))
    layers = [OneOf(choice, {"one": Scale(1.0), "ten": Scale(10.0)}) for _ in range(3)]
    net = Supernet(nn.Sequential(*layers))
    assert net.space.size == 2
    assert torch.equal(net(X, {"op": "ten"}), 1000 * X)


def test_options_need_not_be_text() -> None:
    net = Supernet(OneOf(Choice("bits", (4, None)), {4: Scale(4.0), None: Scale(1.0)}))
    assert torch.equal(net(X, {"bits": None}), X)
    assert torch.equal(net(X, {"bits": 4}), 4 * X)


def test_options_must_be_those_of_the_choice() -> None:
    with pytest.raises(UserError, match=r"'op' has the options \['a', 'b'\], got modules for \['a', 'c'\]"):
        OneOf(Choice("op", ("a", "b")), {"a": nn.Identity(), "c": nn.Identity()})


def test_zero_keeps_or_strides_the_shape() -> None:
    x = torch.randn(1, 2, 5, 6)
    assert torch.equal(Zero()(x), torch.zeros(1, 2, 5, 6))
    assert torch.equal(Zero(2)(x), torch.zeros(1, 2, 3, 3))
