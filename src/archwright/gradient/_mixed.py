"""Vector products with second derivatives of the inner loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._hypergradient import Loss, gradient, leaves, moved, norm, product

Mixed = Literal["exact", "difference"]
_RADIUS = 0.01


def check(mixed: str) -> None:
    """Refuse anything but the two ways.

    Raises:
        UserError: neither `"exact"` nor `"difference"`.
    """
    if mixed not in ("exact", "difference"):
        raise UserError(f"mixed derivatives are 'exact' or by 'difference', got {mixed!r}")


def hessian_product(
    loss: Loss, weights: Sequence[Tensor], alphas: Sequence[Tensor], *, by: Mixed
) -> Callable[[Sequence[Tensor]], list[Tensor]]:
    """v -> (d2 loss / d weights d weights) v; the gradient at the weights is computed once for all of them.

    Args:
        loss: inner loss.
        weights, alphas: where.
        by: `"exact"` differentiates <d loss / d weights, v>; `"difference"` takes the forward difference of d loss / d
            weights at weights + eps v, eps = 0.01 / |v|.
    """
    w, fixed = leaves(weights), [a.detach() for a in alphas]
    exact = by == "exact"
    slope = gradient(loss(w, fixed), w, create=exact)

    def differentiated(vector: Sequence[Tensor]) -> list[Tensor]:
        return gradient(product(slope, vector), w, retain=True)

    def differenced(vector: Sequence[Tensor]) -> list[Tensor]:
        length = norm(vector)
        if length == 0:
            return [torch.zeros_like(t) for t in w]
        radius = _RADIUS / length
        ahead = leaves(moved(weights, vector, radius))
        return [(g - s) / radius for g, s in zip(gradient(loss(ahead, fixed), ahead), slope)]

    return differentiated if exact else differenced


def mixed_product(
    loss: Loss,
    weights: Sequence[Tensor],
    alphas: Sequence[Tensor],
    vector: Sequence[Tensor],
    *,
    by: Mixed,
    scale: float,
) -> list[Tensor]:
    """(d2 loss / d alphas d weights) vector.

    Args:
        loss: inner loss.
        weights, alphas: where.
        vector: one tensor for each of the weights.
        by: `"exact"` differentiates <d loss / d weights, vector>; `"difference"` takes central differences of d loss /
            d alphas at weights +- eps vector (Liu et al. 2019, equation 8).
        scale: norm that eps = 0.01 / scale is taken by.
    """
    if by == "exact":
        w, a = leaves(weights), leaves(alphas)
        first = gradient(loss(w, a), w, create=True)
        return gradient(product(first, [v.detach() for v in vector]), a)
    if scale == 0:
        return [alpha.new_zeros(alpha.shape) for alpha in alphas]
    radius = _RADIUS / scale
    sides = []
    for sign in (1.0, -1.0):
        a = leaves(alphas)
        sides.append(gradient(loss(moved(weights, vector, sign * radius), a), a))
    return [(above - below) / (2 * radius) for above, below in zip(*sides)]
