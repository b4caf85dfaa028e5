"""Sparse factors: DSO-NAS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._update import Mover, Update


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class ProximalGradient(Update):
    """Accelerated proximal gradient for loss + sparsity * sum |lambda|, lambda >= 0 (Zhang, Huang, Wang 2018, DSO-NAS,
    equations 6 to 9): z = lambda - lr g; s = sign(z) max(|z| - lr sparsity, 0); v <- s - lambda + momentum v;
    lambda <- max(0, s + momentum v). Factors become exactly zero, and momentum can revive one.

    Args:
        lr: step, > 0.
        sparsity: gamma of the L1 penalty, at least 0.
        momentum: in [0, 1).
        clip: largest size of an entry of the gradient, or None.

    Raises:
        UserError: a setting out of range.
    """

    lr: float = 0.1
    sparsity: float = 1e-3
    momentum: float = 0.9
    clip: float | None = 2.0

    def __post_init__(self) -> None:
        if (
            self.lr <= 0
            or self.sparsity < 0
            or not 0 <= self.momentum < 1
            or (self.clip is not None and self.clip <= 0)
        ):
            raise UserError(f"ProximalGradient needs lr > 0, sparsity >= 0, momentum in [0, 1), clip > 0, got {self}")

    def begin(self, alphas: Sequence[Tensor]) -> Mover:
        return _Proximal(self, alphas)


class _Proximal(Mover):
    def __init__(self, settings: ProximalGradient, alphas: Sequence[Tensor]) -> None:
        self._settings, self._alphas = settings, list(alphas)
        self._velocity = [torch.zeros_like(a) for a in self._alphas]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        lr, momentum, clip = self._settings.lr, self._settings.momentum, self._settings.clip
        for factor, velocity, gradient in zip(self._alphas, self._velocity, gradients):
            g = gradient.to(factor) if clip is None else gradient.to(factor).clamp(-clip, clip)
            shrunk = torch.nn.functional.softshrink(factor - lr * g, lr * self._settings.sparsity)
            velocity.mul_(momentum).add_(shrunk - factor)
            factor.copy_((shrunk + momentum * velocity).clamp_min(0.0))

    def state_dict(self) -> dict[str, Any]:
        return {"velocity": self._velocity}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for velocity, stored in zip(self._velocity, state["velocity"], strict=True):
            velocity.copy_(stored)
