"""Elastic batch and layer normalisation."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from supernet_networks import one, weights
from torch import nn

from archwright.errors import UserError
from archwright.space import Ordinal
from archwright.supernet import ElasticBatchNorm2d, ElasticLayerNorm, Supernet

WIDTH = Ordinal("width", (2, 4, 6))


def test_batch_norm_in_eval_mode_uses_the_leading_channels() -> None:
    net = one(ElasticBatchNorm2d(WIDTH))
    layer, x = net.module, torch.randn(3, 4, 5, 5)
    expected = F.batch_norm(x, layer.running_mean[:4], layer.running_var[:4], layer.weight[:4], layer.bias[:4])
    torch.testing.assert_close(net(x, {"width": 4}), expected, rtol=0, atol=0)


def test_batch_norm_in_train_mode_updates_the_channels_it_saw() -> None:
    net, plain = Supernet(ElasticBatchNorm2d(WIDTH, momentum=0.2)), nn.BatchNorm2d(4, momentum=0.2)
    x = torch.randn(3, 4, 5, 5) * 3 + 1
    torch.testing.assert_close(net(x, {"width": 4}), plain(x), rtol=0, atol=0)
    torch.testing.assert_close(net.module.running_mean, torch.cat([plain.running_mean, torch.zeros(2)]))
    torch.testing.assert_close(net.module.running_var, torch.cat([plain.running_var, torch.ones(2)]))


@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_one_hot_equals_the_slice(affine: bool) -> None:
    net = one(ElasticBatchNorm2d(WIDTH, affine=affine))
    x = torch.randn(3, 6, 5, 5)
    for c in WIDTH.options:
        relaxed = net(x, net.space.one_hot({"width": c}))
        torch.testing.assert_close(relaxed[:, :c], net(x[:, :c], {"width": c}))
        assert relaxed[:, c:].abs().max().item() == 0.0 if c < 6 else True


def test_batch_norm_superposes_scale_and_shift() -> None:
    net = one(ElasticBatchNorm2d(WIDTH), double=True)
    x = torch.randn(3, 6, 5, 5, dtype=torch.float64)
    mask = weights(1, 1, 0.5, 0.5, 0.2, 0.2)[:, None, None]
    expected = mask * net(x, {"width": 6})
    torch.testing.assert_close(net(x, {"width": weights(0.5, 0.3, 0.2)}), expected, rtol=0, atol=1e-13)


def test_zero_init_starts_at_zero_and_again_when_fresh() -> None:
    net = Supernet(ElasticBatchNorm2d(WIDTH, zero_init=True)).eval()
    x = torch.randn(2, 4, 3, 3)
    assert not net(x, {"width": 4}).any()
    nn.init.ones_(net.module.weight)
    assert net.extract({"width": 4})(x).any()
    assert not net.extract({"width": 4}, fresh=True)(x).any()


def test_zero_init_needs_a_scale() -> None:
    with pytest.raises(UserError, match="needs affine=True"):
        ElasticBatchNorm2d(WIDTH, affine=False, zero_init=True)


def test_layer_norm_uses_the_leading_features() -> None:
    net = one(ElasticLayerNorm(WIDTH, eps=1e-3))
    x = torch.randn(3, 7, 4)
    expected = F.layer_norm(x, (4,), net.module.weight[:4], net.module.bias[:4], 1e-3)
    torch.testing.assert_close(net(x, {"width": 4}), expected, rtol=0, atol=0)


def test_layer_norm_one_hot_equals_the_slice() -> None:
    net = one(ElasticLayerNorm(WIDTH), double=True)
    x = torch.randn(3, 7, 6, dtype=torch.float64)  # not zero-padded: what lies outside the slice must not matter
    for c in WIDTH.options:
        relaxed = net(x, {"width": weights(*(float(o == c) for o in WIDTH.options))})
        torch.testing.assert_close(relaxed[..., :c], net(x[..., :c], {"width": c}), rtol=0, atol=1e-13)
        assert not relaxed[..., c:].any()


def test_layer_norm_over_the_padded_width_would_differ() -> None:
    """The trap of LayerNorm spaces that the masked statistics avoid."""
    net = one(ElasticLayerNorm(WIDTH), double=True)
    x = torch.randn(3, 2, dtype=torch.float64)
    padded = F.layer_norm(F.pad(x, (0, 4)), (6,), net.module.weight, net.module.bias)
    assert (padded[:, :2] - net(x, {"width": 2})).abs().max() > 0.1


def test_layer_norm_statistics_are_weighted_by_the_mask() -> None:
    net = one(ElasticLayerNorm(Ordinal("width", (1, 2)), eps=0.0), double=True)
    nn.init.ones_(net.module.weight)
    nn.init.zeros_(net.module.bias)
    x = weights(4.0, 1.0)[None]
    # mask (1, .5): mean (4 + .5) / 1.5 = 3, variance (1 + .5 * 4) / 1.5 = 2
    expected = weights(1.0, -2.0 * 0.5)[None] / 2**0.5
    torch.testing.assert_close(net(x, {"width": weights(0.5, 0.5)}), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("layer", [ElasticLayerNorm(WIDTH), ElasticBatchNorm2d(WIDTH)], ids=["layer", "batch"])
def test_gradients_of_relaxed_weights(layer: nn.Module) -> None:
    net = one(layer, double=True)
    shape = (3, 6) if isinstance(layer, ElasticLayerNorm) else (3, 6, 2, 2)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, a: net(x, {"width": a}), (x, weights(0.5, 0.3, 0.2, grad=True)))
