"""The gradient of training speed: DARTS without validation data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._hypergradient import Hypergradient, Loss, gradient, leaves


@final
class TrainingSpeed(Hypergradient):
    """sum_{t < steps} d inner(w_t, alphas) / d alphas along a descent w_{t+1} = w_t - lr d inner / d w_t, every w_t
    taken as a constant: the first-order gradient of the sum of training losses (Ru et al. 2021, TSE, section 4.3).

    The outer loss is not looked at, and the weights are where they were afterwards.

    The inner loss is asked once a step, in order, so it may be of another mini-batch every time.

    Args:
        steps: T, at least 1 (100).
        lr: of the descent, > 0; None takes the present learning rate of the weights.
        momentum: of the descent, in [0, 1), where the weights' own has some.

    Raises:
        UserError: a setting out of range, no learning rate at all.
    """

    def __init__(self, *, steps: int = 100, lr: float | None = None, momentum: float = 0.9) -> None:
        if steps < 1 or (lr is not None and lr <= 0) or not 0 <= momentum < 1:
            raise UserError(
                f"TrainingSpeed needs steps >= 1, lr > 0 and momentum in [0, 1), got {steps}, {lr} and {momentum}"
            )
        self.steps, self.lr, self.momentum = steps, lr, momentum

    @property
    def descent(self) -> int:
        return self.steps

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
            raise UserError("the gradient of training speed needs the length of its steps: TrainingSpeed(lr=...)")
        w, total = leaves(weights), [torch.zeros_like(a) for a in alphas]
        pushes = None if velocity is None else [v.detach() for v in velocity]
        for _ in range(self.steps):
            a = leaves(alphas)
            found = gradient(inner_loss(w, a), [*w, *a])
            slope, total = found[: len(w)], [t + g for t, g in zip(total, found[len(w) :])]
            if pushes is not None:
                slope = [s + p for s, p in zip(slope, pushes)]
                pushes = [self.momentum * s for s in slope]
            w = leaves([t - step * s for t, s in zip(w, slope)])
        return total
