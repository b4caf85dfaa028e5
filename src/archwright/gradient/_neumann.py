"""The implicit gradient by a Neumann series: iDARTS."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._hypergradient import Hypergradient, Loss, gradient, leaves, norm, product
from archwright.gradient._mixed import Differences, Mixed, check

_GROWTH = 1.5  # of a term over the first; below 2 / (largest eigenvalue) terms never grow

Terms = tuple[list[Tensor], list[Tensor]]
"""The last vector of the series, and the product of the sum of all of them with the mixed derivative."""


@final
class Neumann(Hypergradient):
    """d outer / d alphas - scale * sum_{k=0..terms} v_k (d2 inner / d w d alphas), v_0 = d outer / d w, v_{k+1} = v_k -
    scale * H v_k, H = d2 inner / d w d w (Zhang et al. 2021, iDARTS, equation 10; Lorraine et al. 2020).

    It is the gradient of the implicit function theorem with H^-1 replaced by `terms` + 1 terms of its series; along an
    eigenvector with eigenvalue m the error falls as |1 - scale m|^(terms + 1) / m. With losses of mini-batches it is
    the stochastic form. Weight decay belongs into the inner loss.

    Args:
        terms: K, vector products with H after the first term, at least 0.
        scale: gamma, > 0, below 2 / (largest eigenvalue of H) or the series diverges; None takes the present learning
            rate of the weights.
        products: with second derivatives, `"exact"` by autograd, or by `"difference"`: forward differences of
            gradients, a pass over the batch for each term and no double backward. Published: the Hessian exact and the
            mixed derivative by central differences.

    Raises:
        UserError: a setting out of range, no scale at all.

    Warns:
        RuntimeWarning: the terms grow, so the scale is too large.
    """

    def __init__(self, *, terms: int = 2, scale: float | None = None, products: Mixed = "exact") -> None:
        if terms < 0 or (scale is not None and scale <= 0):
            raise UserError(f"Neumann needs terms >= 0 and scale > 0, got terms {terms} and scale {scale}")
        check(products)
        self.terms, self.scale, self.products = terms, scale, products

    def __call__(
        self,
        inner_loss: Loss,
        outer_loss: Loss,
        weights: Sequence[Tensor],
        alphas: Sequence[Tensor],
        *,
        lr: float | None = None,
        velocity: Sequence[Tensor] | None = None,
    ) -> list[Tensor]:
        scale = self.scale if self.scale is not None else lr
        if scale is None:
            raise UserError("the Neumann hypergradient needs its scale: Neumann(scale=...)")
        w, a = leaves(weights), leaves(alphas)
        found = gradient(outer_loss(w, a), [*w, *a])
        first, direct = found[: len(w)], found[len(w) :]
        run = self._exact if self.products == "exact" else self._differenced
        last, second = run(inner_loss, weights, alphas, first, scale)
        if self.terms and norm(last) > _GROWTH * norm(first):
            warnings.warn(
                f"the Neumann series grows (term {self.terms} is {norm(last):.3g}, term 0 {norm(first):.3g}): scale "
                f"{scale:g} is above 2 / (largest eigenvalue of the inner Hessian); make it smaller",
                RuntimeWarning,
                stacklevel=2,
            )
        return [g - scale * s for g, s in zip(direct, second)]

    def _exact(
        self, loss: Loss, weights: Sequence[Tensor], alphas: Sequence[Tensor], first: list[Tensor], scale: float
    ) -> Terms:
        w, a = leaves(weights), leaves(alphas)
        slope = gradient(loss(w, a), w, create=True)
        term, total = first, first
        for _ in range(self.terms):
            curved = gradient(product(slope, term), w, retain=True)
            term = [v - scale * c for v, c in zip(term, curved)]
            total = [t + v for t, v in zip(total, term)]
        return term, gradient(product(slope, total), a)

    def _differenced(
        self, loss: Loss, weights: Sequence[Tensor], alphas: Sequence[Tensor], first: list[Tensor], scale: float
    ) -> Terms:
        products = Differences(loss, weights, alphas)
        term, second = first, [torch.zeros_like(a) for a in alphas]
        for _ in range(self.terms):
            curved, mixed = products.both(term)
            term = [v - scale * c for v, c in zip(term, curved)]
            second = [s + m for s, m in zip(second, mixed)]
        return term, [s + m for s, m in zip(second, products.mixed(term))]
