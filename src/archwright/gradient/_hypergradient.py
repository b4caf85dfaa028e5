"""The second slot: the gradient of the outer loss by the architecture parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

Loss = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]
"""A loss as a function of two lists of tensors, weights and architecture parameters; a scalar."""


class Hypergradient(ABC):
    """Estimates d/d alphas of `outer(w*(alphas), alphas)` with `w*(alphas) = argmin_w inner(w, alphas)`.

    Works on any bi-level problem: losses are functions of two lists of tensors, which are only read. A loss that is
    random must give the same value when it is called again with the same tensors.
    """

    joint: ClassVar[bool] = False
    """Whether a step of the weights gives it on the way, so that no step of its own is needed."""

    @property
    def descent(self) -> int:
        """Steps of a descent, at each of which it asks the inner loss once, for the next mini-batch; 0: none."""
        return 0

    @abstractmethod
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
        """The gradient, one tensor for each of `alphas`.

        Args:
            inner_loss: what the weights minimise, of the training data.
            outer_loss: what the architecture minimises, of the validation data.
            weights: where the inner problem stands.
            alphas: architecture parameters.
            lr: present learning rate of the weights, for estimators that were not given one.
            velocity: what momentum would add to the gradient in the next step of the weights, one tensor for each.
        """


def leaves(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Detached views that gradients can be asked for."""
    return [t.detach().requires_grad_() for t in tensors]


def gradient(of: Tensor, by: Sequence[Tensor], *, retain: bool = False, create: bool = False) -> list[Tensor]:
    """Gradients, zero where there is no path."""
    if not of.requires_grad:
        return [torch.zeros_like(t) for t in by]
    found = torch.autograd.grad(of, list(by), allow_unused=True, retain_graph=retain or create, create_graph=create)
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, by)]


def product(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """Inner product of two lists of tensors."""
    return torch.stack([(x * y).sum() for x, y in zip(a, b)]).sum()


def moved(weights: Sequence[Tensor], direction: Sequence[Tensor], step: float) -> list[Tensor]:
    """weights + step * direction, detached."""
    return [w.detach() + step * d for w, d in zip(weights, direction)]


def norm(tensors: Sequence[Tensor]) -> float:
    """Euclidean norm of a list of tensors."""
    return float(torch.stack([t.detach().float().norm() for t in tensors]).norm())
