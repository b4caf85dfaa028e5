"""One step of the weights unrolled: second-order DARTS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._hypergradient import Hypergradient, Loss, gradient, leaves, norm
from archwright.gradient._mixed import Mixed, check, mixed_product


@final
class Unrolled(Hypergradient):
    """d/d alphas of outer(w', alphas) with w' = w - lr (velocity + d inner / d w), one step ahead (Liu, Simonyan, Yang
    2019, DARTS, equations 6 to 8).

    Weight decay belongs into the inner loss. The step is a number: no graph is kept through it, the second derivatives
    come from one vector product.

    Args:
        lr: length of the step, > 0; None takes the present learning rate of the weights.
        mixed: second derivatives `"exact"` or by central `"difference"` as published (two forward and backward passes,
            no double backward).

    Raises:
        UserError: a step that is not positive, no step at all.
    """

    def __init__(self, *, lr: float | None = None, mixed: Mixed = "exact") -> None:
        if lr is not None and lr <= 0:
            raise UserError(f"lr of the unrolled step must be positive, got {lr}")
        check(mixed)
        self.lr, self.mixed = lr, mixed

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
        step = self.lr if self.lr is not None else lr
        if step is None:
            raise UserError("the unrolled hypergradient needs the length of its step: Unrolled(lr=...)")
        fixed = [a.detach() for a in alphas]
        w = leaves(weights)
        push = gradient(inner_loss(w, fixed), w)
        if velocity is not None:
            push = [p + v for p, v in zip(push, velocity)]
        with torch.no_grad():
            ahead = [(t - step * p).requires_grad_() for t, p in zip(w, push)]
        a = leaves(alphas)
        found = gradient(outer_loss(ahead, a), [*ahead, *a])
        vector, direct = found[: len(ahead)], found[len(ahead) :]
        second = mixed_product(inner_loss, weights, alphas, vector, by=self.mixed, scale=norm(vector))
        return [g - step * s for g, s in zip(direct, second)]
