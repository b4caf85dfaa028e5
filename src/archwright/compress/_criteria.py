"""How dispensable a weight is, and which weights go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from archwright.compress._masks import Masks
from archwright.errors import UserError, nearest
from archwright.train import classification_loss

Criterion = Literal["magnitude", "random", "layer-random", "taylor", "lamp"]
Scope = Literal["global", "layer"]
Scores = Mapping[str, Tensor]


def check_criterion(criterion: str) -> None:
    """Raises UserError if there is no such criterion."""
    if criterion not in get_args(Criterion):
        raise UserError(f"unknown criterion {criterion!r}{nearest(criterion, get_args(Criterion))}")


def check_scope(scope: str) -> None:
    """Raises UserError if there is no such scope."""
    if scope not in get_args(Scope):
        raise UserError(f"scope is 'global' or 'layer', got {scope!r}")


def magnitude(weights: Scores) -> dict[str, Tensor]:
    """|w|."""
    return {name: weight.detach().abs() for name, weight in weights.items()}


def lamp(weights: Scores) -> dict[str, Tensor]:
    """w_i^2 / sum of the w_j^2 of its layer with |w_j| >= |w_i|; of equal ones those that come later count as larger
    (Lee et al. 2021, equation 4).

    The largest weight of every layer has score 1, so that no layer is emptied before all are. It is meant for the
    global scope; within a layer the order is that of the magnitude.
    """
    found = {}
    for name, weight in weights.items():
        squares, order = weight.detach().flatten().double().square().sort(stable=True)
        larger = squares.flip(0).cumsum(0).flip(0)
        scores = torch.empty_like(squares)
        scores[order] = torch.where(larger > 0, squares / larger, 0)
        found[name] = scores.reshape(weight.shape)
    return found


def random_scores(weights: Scores, generator: torch.Generator) -> dict[str, Tensor]:
    """Uniform in [0, 1)."""
    return {name: torch.rand(w.shape, generator=generator, dtype=torch.float64) for name, w in weights.items()}


def taylor(module: nn.Module, weights: Scores, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """|w dL/dw|, what the loss changes to first order when w goes (Molchanov et al. 2019), in eval mode, mean over
    batches.

    Args:
        module: whose parameters `weights` are; left as it is, but in eval mode.
        weights: by name.
        batches: inputs and labels.
    """
    module.eval()
    wanted = [weight.requires_grad for weight in weights.values()]
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    try:
        for weight in weights.values():
            weight.requires_grad_(True)
        for x, y in batches:
            loss = classification_loss(module(x), y)
            gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
            for (name, weight), gradient in zip(weights.items(), gradients):
                if gradient is not None:
                    total[name] += (weight.detach() * gradient).abs()
    finally:
        for weight, was in zip(weights.values(), wanted):
            weight.requires_grad_(was)
    return total


def pruned(masks: Masks, scores: Scores, amount: float | int, *, scope: Scope = "global") -> Masks:
    """Masks that keep less: those of the kept weights with the lowest scores go.

    The count is exact: of equal scores the first go, in order of layers and places. Every layer keeps the weight with
    its highest score, so none is emptied.

    Args:
        masks: what is kept now.
        scores: of the weights that `masks` speak of.
        amount: of weights that go; a float is a fraction of those kept now, an int their number. In scope `"layer"` of
            every layer.
        scope: whether scores are compared across layers.

    Raises:
        UserError: an amount out of range, scores that are not finite, or more than can go.
    """
    check_scope(scope)
    _check_amount(amount)
    if scope == "global":
        return _without_lowest(masks, scores, amount if isinstance(amount, int) else round(amount * masks.kept))
    found: dict[str, Tensor] = {}
    for name, mask in masks.items():
        kept = int(mask.sum())
        count = amount if isinstance(amount, int) else min(round(amount * kept), max(kept - 1, 0))
        found |= _without_lowest(Masks({name: mask}), scores, count)
    return Masks(found)


def pruned_to(masks: Masks, scores: Scores, sparsity: float, *, scope: Scope = "global") -> Masks:
    """Masks of the sparsity asked for, a fraction of all weights, pruned before or not: `pruned` with the number of
    weights that are missing to it. In scope `"layer"` every layer has that sparsity, unless it has a higher one now or
    would be empty.

    Raises:
        UserError: the masks have a higher sparsity, it is so high that a layer would be empty, or as `pruned`.
    """
    check_scope(scope)
    now = {name: mask.numel() - int(mask.sum()) for name, mask in masks.items()}
    by_layer = {name: round(sparsity * mask.numel()) for name, mask in masks.items()}
    wanted = round(sparsity * masks.total) if scope == "global" else sum(by_layer.values())
    if wanted < sum(now.values()):
        raise UserError(f"the network already has sparsity {masks.sparsity:.6g}, more than {sparsity:.6g}")
    if scope == "global":
        return _without_lowest(masks, scores, wanted - sum(now.values()))
    found: dict[str, Tensor] = {}
    for name, mask in masks.items():
        count = min(by_layer[name], max(mask.numel() - 1, 0)) - now[name]
        found |= _without_lowest(Masks({name: mask}), scores, max(count, 0))
    return Masks(found)


def _check_amount(amount: float | int) -> None:
    if isinstance(amount, int) and amount < 0:
        raise UserError(f"the number of weights to prune is at least 0, got {amount}")
    if not isinstance(amount, int) and not 0 <= amount < 1:
        raise UserError(f"the fraction of weights to prune is in [0, 1), got {amount}")


def _without_lowest(masks: Masks, scores: Scores, count: int) -> Masks:
    spare = sum(max(int(mask.sum()) - 1, 0) for mask in masks.values())
    if count > spare:
        raise UserError(
            f"cannot prune {count} of {masks.kept} weights: every layer keeps one, so at most {spare} can go"
        )
    ranked = []
    for name, mask in masks.items():
        if not torch.isfinite(scores[name]).all():
            raise UserError(f"scores of {name} are not finite")
        score = scores[name].detach().flatten().double().cpu()
        score = score.masked_fill(~mask.flatten().cpu(), -torch.inf)
        last = len(score) - 1 - int(score.flip(0).argmax())
        if score[last] > -torch.inf:
            score[last] = torch.inf
        ranked.append(score)
    order = torch.cat(ranked).sort(stable=True).indices
    kept = torch.ones(len(order), dtype=torch.bool)
    kept[order[: masks.total - masks.kept + count]] = False
    parts = torch.split(kept, [len(r) for r in ranked])
    return Masks({name: part.reshape(mask.shape).to(mask.device) for (name, mask), part in zip(masks.items(), parts)})
