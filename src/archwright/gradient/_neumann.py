"""The implicit gradient by a Neumann series: iDARTS."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import final

from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._hypergradient import Hypergradient, Loss, gradient, leaves, norm
from archwright.gradient._mixed import Mixed, check, hessian_product, mixed_product

_GROWTH = 1.5  # of a term over the first; below 2 / (largest eigenvalue) terms never grow


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
        hessian: products with H `"exact"`, or by `"difference"` of gradients at w and w + 0.01 v / |v|: a term is then
            one pass over the batch, with no double backward.
        mixed: the last product `"exact"` or by central `"difference"` of radius 0.01 / |v_0| as published.

    Raises:
        UserError: a setting out of range, no scale at all.

    Warns:
        RuntimeWarning: the terms grow, so the scale is too large.
    """

    def __init__(
        self, *, terms: int = 2, scale: float | None = None, hessian: Mixed = "exact", mixed: Mixed = "exact"
    ) -> None:
        if terms < 0 or (scale is not None and scale <= 0):
            raise UserError(f"Neumann needs terms >= 0 and scale > 0, got terms {terms} and scale {scale}")
        check(hessian)
        check(mixed)
        self.terms, self.scale, self.hessian, self.mixed = terms, scale, hessian, mixed

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
        curved = hessian_product(inner_loss, weights, alphas, by=self.hessian) if self.terms else None
        total = first if curved is None else self._series(curved, first, scale)
        second = mixed_product(inner_loss, weights, alphas, total, by=self.mixed, scale=norm(first))
        return [g - scale * s for g, s in zip(direct, second)]

    def _series(
        self, curved: Callable[[Sequence[Tensor]], list[Tensor]], first: list[Tensor], scale: float
    ) -> list[Tensor]:
        """v_0 + ... + v_K."""
        term, total = first, first
        for _ in range(self.terms):
            term = [v - scale * c for v, c in zip(term, curved(term))]
            total = [t + v for t, v in zip(total, term)]
        if self.terms and norm(term) > _GROWTH * norm(first):
            warnings.warn(
                f"the Neumann series grows (term {self.terms} is {norm(term):.3g}, term 0 {norm(first):.3g}): scale "
                f"{scale:g} is above 2 / (largest eigenvalue of the inner Hessian); make it smaller",
                RuntimeWarning,
                stacklevel=3,
            )
        return total
