"""One loss for weights and architecture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

from torch import Tensor

from archwright.gradient._hypergradient import Hypergradient, Loss, gradient, leaves


@final
class SingleLevel(Hypergradient):
    """d inner / d alphas: weights and architecture minimise one loss on the same data (Xie et al. 2019, SNAS; Zhang,
    Huang, Wang 2018)."""

    joint: ClassVar[bool] = True

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
        return gradient(inner_loss([w.detach() for w in weights], a), a)
