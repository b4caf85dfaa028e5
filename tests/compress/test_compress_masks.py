"""Masks of a network."""

import copy

import pytest
import torch
import torch.nn.functional as F
from compress_networks import residual
from torch import nn
from torch.nn.utils import prune as torch_prune

from archwright.compress import Masks, prunable
from archwright.errors import UserError


def half(net: nn.Module, seed: int = 0) -> Masks:
    generator = torch.Generator().manual_seed(seed)
    return Masks({n: torch.rand(w.shape, generator=generator) < 0.5 for n, w in prunable(net).items()})


def test_weights_of_layers_are_prunable_and_nothing_else() -> None:
    net = residual()
    names = ["stem.weight", "first.weight", "second.weight", "head.weight"]
    assert list(prunable(net)) == names
    assert list(prunable(net, classifier=False)) == names[:-1]


def test_attention_is_prunable_and_embeddings_are_not() -> None:
    net = nn.ModuleDict(
        {"token": nn.Embedding(7, 4), "block": nn.TransformerEncoderLayer(4, 2, 8), "head": nn.Linear(4, 7)}
    )
    net["head"].weight = net["token"].weight
    parts = ["self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight", "linear2.weight"]
    assert list(prunable(net)) == [f"block.{p}" for p in parts]


def test_a_computed_weight_is_refused() -> None:
    net = residual()
    torch_prune.l1_unstructured(net.first, "weight", 0.5)
    with pytest.raises(UserError, match=r"first\.weight is computed"):
        prunable(net)
    torch_prune.remove(net.first, "weight")
    assert Masks.of(net).densities()["first.weight"] == 0.5


def test_exact_zeros_are_the_masks() -> None:
    net = residual()
    masks = half(net)
    masks.apply_(net)
    assert Masks.of(net) == masks
    assert masks.sparsity == pytest.approx(1 - masks.kept / masks.total)
    assert masks.total == sum(w.numel() for w in prunable(net).values())
    assert Masks.dense(net).sparsity == 0
    assert Masks(masks.state_dict()) == masks
    masks["stem.weight"].logical_not_()
    assert Masks.of(net) != masks


@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.AdamW])
def test_masks_hold_through_momentum_and_decay(optimiser: type) -> None:
    """A weight pruned in mid-training is moved by its momentum in the first step if only gradients are masked."""
    net, x, y = residual(), torch.randn(32, 1, 8, 8), torch.arange(32) % 10
    kind = {"lr": 0.05, "momentum": 0.9} if optimiser is torch.optim.SGD else {"lr": 0.01}
    steps = optimiser(net.parameters(), weight_decay=0.01, **kind)

    def step() -> None:
        steps.zero_grad()
        F.cross_entropy(net(x), y).backward()
        steps.step()

    net.train()
    for _ in range(5):
        step()
    masks, free = half(net), copy.deepcopy(net.state_dict())
    with masks.hold(net, steps):
        for _ in range(100):
            step()
            assert not any(bool(w[~masks[n]].any()) for n, w in prunable(net).items())
    assert Masks.of(net) == masks
    assert all(not torch.equal(w, free[n]) for n, w in net.state_dict().items() if n in masks)
    step()
    assert Masks.of(net) != masks


def test_random_masks_keep_as_many_in_every_layer() -> None:
    net = residual()
    masks = half(net)
    drawn = masks.random_like(torch.Generator().manual_seed(3))
    assert drawn.densities() == masks.densities()
    assert drawn != masks
    assert drawn == masks.random_like(torch.Generator().manual_seed(3))
    within = masks.random_like(torch.Generator().manual_seed(3), within=masks)
    assert within == masks
    more = masks.random_like(torch.Generator().manual_seed(3), within=Masks.dense(net))
    assert more == drawn
    with pytest.raises(UserError, match="cannot be drawn among"):
        Masks.dense(net).random_like(torch.Generator(), within=masks)


def test_distance_and_intersection() -> None:
    one, two = (Masks({"w": torch.arange(10) >= 2}), Masks({"w": (torch.arange(10) % 9 != 0)}))
    assert one.distance(two) == 2
    assert one.distance(one) == 0
    assert (one & two)["w"].tolist() == [False, False, *[True] * 7, False]
    with pytest.raises(UserError, match="v is in one of them only"):
        one.distance(Masks({"v": torch.ones(10)}))


def test_masks_of_another_network_are_refused() -> None:
    masks = half(residual())
    with pytest.raises(UserError, match=r"weight stem\.weight of shape \(8, 1, 3, 3\), there is none"):
        masks.apply_(nn.Linear(2, 2))
    with pytest.raises(UserError, match=r"it has shape \(2, 2\)"):
        Masks({"weight": torch.ones(3, 3)}).apply_(nn.Linear(2, 2))
