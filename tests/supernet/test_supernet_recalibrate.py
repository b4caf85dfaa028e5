"""Batch-norm recalibration."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from supernet_networks import mixed, smallest
from torch import nn

from archwright.errors import UserError
from archwright.supernet import recalibrate


def batches(n: int = 3, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(6, 2, 8, 8, generator=generator) * 2 + 1 for _ in range(n)]


def test_statistics_are_the_averages_over_the_batches() -> None:
    module = nn.Sequential(nn.BatchNorm2d(2, momentum=0.03))
    module[0].running_mean.fill_(99.0)
    given = batches()
    recalibrate(module, given)
    torch.testing.assert_close(module[0].running_mean, torch.stack([b.mean((0, 2, 3)) for b in given]).mean(0))
    torch.testing.assert_close(module[0].running_var, torch.stack([b.var((0, 2, 3)) for b in given]).mean(0))
    assert module[0].momentum == 0.03


def test_later_layers_see_batch_statistics_of_earlier_ones() -> None:
    module = nn.Sequential(nn.BatchNorm2d(2), nn.BatchNorm2d(2))
    recalibrate(module, batches())
    assert module[1].running_mean.abs().max() < 1e-6
    torch.testing.assert_close(module[1].running_var, torch.ones(2), rtol=1e-2, atol=0)


def test_weights_are_bitwise_the_same_and_the_network_ends_in_eval_mode() -> None:
    net = mixed().train()
    plain = net.slice(net.space.sample(np.random.default_rng(0)))
    before = copy.deepcopy(dict(plain.named_parameters()))
    assert recalibrate(plain, batches()) is plain
    assert all(torch.equal(p, before[n]) for n, p in plain.named_parameters())
    assert not any(m.training for m in plain.modules())
    assert all(p.grad is None for p in plain.parameters())


def test_the_supernet_and_what_was_scored_before_do_not_matter() -> None:
    net, rng = mixed(), np.random.default_rng(0)
    before = copy.deepcopy(net.state_dict())
    first, other = net.space.sample(rng), net.space.sample(rng)
    x = batches(1, seed=9)[0]
    alone = recalibrate(net.slice(first), batches())(x)
    recalibrate(net.slice(other), batches(seed=5))(x)
    assert torch.equal(recalibrate(net.slice(first), batches())(x), alone)
    assert torch.equal(recalibrate(recalibrate(net.slice(first), batches(seed=5)), batches())(x), alone)
    assert all(torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values()))


def test_batches_may_be_pairs_and_dropout_stays_off() -> None:
    module = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm2d(2))
    recalibrate(module, ((b, torch.zeros(6)) for b in batches()))
    torch.testing.assert_close(module[1].running_mean, torch.stack([b.mean((0, 2, 3)) for b in batches()]).mean(0))


def test_extracted_networks_are_recalibrated_too() -> None:
    net = mixed()
    arch = smallest(net)
    x = batches(1, seed=9)[0]
    a, b = recalibrate(net.slice(arch), batches()), recalibrate(net.extract(arch), batches())
    torch.testing.assert_close(a(x), b(x), rtol=0, atol=0)


def test_norms_without_statistics_are_left_alone() -> None:
    module = nn.Sequential(nn.BatchNorm2d(2, track_running_stats=False), nn.LayerNorm(8))
    recalibrate(module, batches())
    assert module[0].running_mean is None


def test_a_supernet_is_refused() -> None:
    with pytest.raises(UserError, match=r"recalibrate net.slice\(arch\), not the supernet"):
        recalibrate(mixed(), batches())


def test_no_batches_are_refused() -> None:
    with pytest.raises(UserError, match="at least one batch"):
        recalibrate(nn.BatchNorm2d(2), [])
