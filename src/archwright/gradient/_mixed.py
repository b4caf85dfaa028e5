"""Vector products with second derivatives of the inner loss."""

from __future__ import annotations

from collections.abc import Sequence
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
        raise UserError(f"second derivatives are 'exact' or by 'difference', got {mixed!r}")


class Differences:
    """Products with the second derivatives of a loss at one place, by forward differences of its gradients: one pass a
    vector v, at weights + eps v with eps = 0.01 / |v|, and one for all of them at the weights themselves.

    Args:
        loss: inner loss.
        weights, alphas: where.
    """

    def __init__(self, loss: Loss, weights: Sequence[Tensor], alphas: Sequence[Tensor]) -> None:
        self._loss, self._weights, self._alphas = loss, weights, alphas
        w, a = leaves(weights), leaves(alphas)
        self._at = gradient(loss(w, a), [*w, *a])

    def both(self, vector: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """(d2 loss / d weights d weights) v and (d2 loss / d alphas d weights) v."""
        n, length = len(self._weights), norm(vector)
        if length == 0:
            return [torch.zeros_like(w) for w in self._weights], [torch.zeros_like(a) for a in self._alphas]
        w, a = leaves(moved(self._weights, vector, _RADIUS / length)), leaves(self._alphas)
        found = gradient(self._loss(w, a), [*w, *a])
        products = [(g - at) * (length / _RADIUS) for g, at in zip(found, self._at)]
        return products[:n], products[n:]

    def mixed(self, vector: Sequence[Tensor]) -> list[Tensor]:
        """(d2 loss / d alphas d weights) v alone, which costs less."""
        length = norm(vector)
        if length == 0:
            return [torch.zeros_like(a) for a in self._alphas]
        a = leaves(self._alphas)
        found = gradient(self._loss(moved(self._weights, vector, _RADIUS / length), a), a)
        return [(g - at) * (length / _RADIUS) for g, at in zip(found, self._at[len(self._weights) :])]


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
