"""The gradient at the weights as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor

from archwright.gradient._hypergradient import Hypergradient, Loss, gradient, leaves


@final
class FirstOrder(Hypergradient):
    """d outer / d alphas at the present weights, as if they were the best for every architecture (Liu, Simonyan, Yang
    2019, DARTS, section 2.3, xi = 0)."""

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
        a = leaves(alphas)
        return gradient(outer_loss([w.detach() for w in weights], a), a)
