import pytest
import torch
from torch import nn

from archwright.errors import UserError
from archwright.train._optimizer import build_optimizer, can_fuse, set_lr

OPTIONS = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "decay_vectors": False, "fused": True}


def _net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


def test_biases_and_norms_are_not_decayed() -> None:
    decayed, spared = build_optimizer("sgd", _net(), **OPTIONS).param_groups
    assert [p.ndim for p in decayed["params"]] == [4, 2]
    assert decayed["weight_decay"] == 0.01
    assert {p.ndim for p in spared["params"]} == {1}
    assert spared["weight_decay"] == 0.0


def test_the_flag_decays_everything() -> None:
    groups = build_optimizer("sgd", _net(), **{**OPTIONS, "decay_vectors": True}).param_groups
    assert [(len(g["params"]), g["weight_decay"]) for g in groups] == [(6, 0.01)]


def test_sgd_is_nesterov_only_with_momentum() -> None:
    assert build_optimizer("sgd", _net(), **OPTIONS).defaults["nesterov"]
    assert not build_optimizer("sgd", _net(), **{**OPTIONS, "momentum": 0.0}).defaults["nesterov"]


@pytest.mark.parametrize(("name", "cls"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_momentum_is_the_first_beta_of_adam(name: str, cls: type) -> None:
    optimizer = build_optimizer(name, _net(), **{**OPTIONS, "momentum": 0.8})
    assert type(optimizer) is cls
    assert optimizer.defaults["betas"] == (0.8, 0.999)


def test_frozen_parameters_are_left_out() -> None:
    net = _net()
    net[0].requires_grad_(False)
    count = sum(len(g["params"]) for g in build_optimizer("sgd", net, **OPTIONS).param_groups)
    assert count == 4
    net.requires_grad_(False)
    with pytest.raises(UserError, match="no trainable parameter"):
        build_optimizer("sgd", net, **OPTIONS)


def test_rate_of_every_group_is_set() -> None:
    optimizer = build_optimizer("adam", _net(), **OPTIONS)
    set_lr(optimizer, 0.5)
    assert {g["lr"] for g in optimizer.param_groups} == {0.5}


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_fused_kernels_spare_parameters_without_gradient(name: str) -> None:
    """First only one layer has gradients, then only another, as in single-path training; against torch's plain loop."""
    results = []
    for fused in (True, False):
        torch.manual_seed(0)
        net = _net()
        optimizer = build_optimizer(name, net, **{**OPTIONS, "fused": fused})
        for layer, other, x in (
            (0, 3, torch.ones(1, 1, 3, 3)),
            (3, 0, torch.ones(1, 2)),
            (0, 3, torch.ones(1, 1, 3, 3)),
        ):
            before = net[other].weight.detach().clone()
            optimizer.zero_grad()
            net[layer](x).square().sum().backward()
            optimizer.step()
            assert torch.equal(net[other].weight, before)
        results.append([p.detach().clone() for p in net.parameters()])
    torch.testing.assert_close(*results)


def test_momentum_that_starts_at_zero_is_that_of_torch() -> None:
    ours, theirs = torch.ones(2, 2, requires_grad=True), torch.ones(2, 2, requires_grad=True)
    module = nn.Module()
    module.weight = nn.Parameter(ours)
    first = build_optimizer("sgd", module, **OPTIONS)
    second = torch.optim.SGD([theirs], lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)
    for gradient in (1.0, -3.0, 0.5):
        for parameter, optimizer in ((module.weight, first), (theirs, second)):
            parameter.grad = torch.full((2, 2), gradient)
            optimizer.step()
    torch.testing.assert_close(module.weight.detach(), theirs.detach())


def test_fused_kernels_are_for_cpu_and_cuda() -> None:
    assert can_fuse(_net(), torch.device("cpu"))
    assert not can_fuse(_net(), torch.device("mps"))
