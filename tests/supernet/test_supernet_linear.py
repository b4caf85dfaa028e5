"""Elastic linear layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from supernet_networks import count_flops, one, weights

from archwright.space import Ordinal
from archwright.supernet import ElasticLinear

IN, OUT = Ordinal("in", (2, 3, 5)), Ordinal("out", (1, 4))


def test_concrete_uses_the_leading_block() -> None:
    net = one(ElasticLinear(IN, OUT))
    x = torch.randn(7, 3)
    expected = F.linear(x, net.module.weight[:4, :3], net.module.bias[:4])
    torch.testing.assert_close(net(x, {"in": 3, "out": 4}), expected, rtol=0, atol=0)


def test_relaxed_is_the_sum_of_the_padded_products() -> None:
    net = one(ElasticLinear(IN, OUT, bias=False), double=True)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    a, b = (0.5, 0.3, 0.2), (0.6, 0.4)
    total = torch.zeros(())
    for p, i in zip(a, IN.options):
        for q, o in zip(b, OUT.options):
            total = total + p * q * F.pad(net(x[..., :i], {"in": i, "out": o}), (0, 4 - o))
    torch.testing.assert_close(net(x, {"in": weights(*a), "out": weights(*b)}), total, rtol=0, atol=1e-13)


def test_bias_is_mixed_over_outputs_only() -> None:
    net = one(ElasticLinear(IN, OUT), double=True)
    out = net(torch.zeros(1, 5, dtype=torch.float64), {"in": weights(0.5, 0.3, 0.2), "out": weights(0.6, 0.4)})
    torch.testing.assert_close(out[0], net.module.bias * weights(1.0, 0.4, 0.4, 0.4), rtol=0, atol=1e-15)


def test_one_relaxed_and_one_decided_size() -> None:
    net = one(ElasticLinear(IN, OUT), double=True)
    x = torch.randn(3, 3, dtype=torch.float64)
    out = net(x, {"in": 3, "out": weights(0.25, 0.75)})
    expected = F.linear(x, net.module.weight[:, :3], net.module.bias) * weights(1.0, 0.75, 0.75, 0.75)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-13)


def test_relaxed_costs_the_largest_product() -> None:
    net = one(ElasticLinear(IN, OUT))
    x = torch.randn(6, 5)
    assert count_flops(torch.ops.aten.addmm, net, x, {"in": weights(0.2, 0.3, 0.5), "out": 4}) == 2 * 6 * 5 * 4


def test_gradients_of_relaxed_weights() -> None:
    net = one(ElasticLinear(IN, OUT), double=True)
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    a, b = weights(0.5, 0.3, 0.2, grad=True), weights(0.6, 0.4, grad=True)
    assert torch.autograd.gradcheck(lambda x, a, b: net(x, {"in": a, "out": b}), (x, a, b))


def test_fixed_sizes_make_an_ordinary_layer() -> None:
    layer = ElasticLinear(IN, 4)
    assert [v.name for v in layer.variables()] == ["in"]
    assert layer.weight.shape == (4, 5)
