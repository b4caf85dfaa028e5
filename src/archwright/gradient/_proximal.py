"""Sparse factors: DSO-NAS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, final, get_args

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._connection_costs import Adapt, ConnectionCosts
from archwright.gradient._update import Mover, Update
from archwright.supernet import Supernet


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class ProximalGradient(Update):
    """Accelerated proximal gradient for loss + sparsity * sum |lambda|, lambda >= 0 (Zhang, Huang, Wang 2018, DSO-NAS,
    equations 6 to 9): z = lambda - lr g; s = sign(z) max(|z| - lr sparsity, 0); v <- s - lambda + momentum v;
    lambda <- max(0, s + momentum v). Factors become exactly zero, and momentum can revive one. Without a gradient a
    factor of one gets there in about (1 - momentum) / (lr sparsity) steps.

    Args:
        lr: step, > 0.
        sparsity: gamma of the L1 penalty, at least 0.
        adapt: how gamma follows costs, in networks of dense blocks (section 3.4): `"flops"`: times the FLOPs of a
            connection's block that are left over those at the start, at every step; `"memory"`: times the memory
            accesses of what the connection feeds over the largest. None: one gamma for all.
        momentum: in [0, 1).
        clip: largest size of an entry of the gradient, or None.

    Raises:
        UserError: a setting out of range.
    """

    lr: float = 0.1
    sparsity: float = 1e-3
    momentum: float = 0.9
    clip: float | None = 2.0
    adapt: Adapt | None = None

    def __post_init__(self) -> None:
        if (
            self.lr <= 0
            or self.sparsity < 0
            or not 0 <= self.momentum < 1
            or (self.clip is not None and self.clip <= 0)
        ):
            raise UserError(f"ProximalGradient needs lr > 0, sparsity >= 0, momentum in [0, 1), clip > 0, got {self}")
        if self.adapt not in (None, *get_args(Adapt)):
            raise UserError(f"adapt must be one of {', '.join(get_args(Adapt))} or null, got {self.adapt!r}")

    def begin(self, alphas: Sequence[Tensor]) -> Mover:
        return _Proximal(self, alphas)


class _Proximal(Mover):
    def __init__(self, settings: ProximalGradient, alphas: Sequence[Tensor]) -> None:
        self._settings, self._alphas = settings, list(alphas)
        self._velocity = [torch.zeros_like(a) for a in self._alphas]
        self._names: list[str] = []
        self._costs: ConnectionCosts | None = None

    def attach(self, net: Supernet, names: Sequence[str]) -> None:
        if self._settings.adapt is not None:
            self._costs, self._names = ConnectionCosts(net), list(names)

    def sparsity(self) -> list[float]:
        """gamma of every variable, now."""
        gamma, adapt = self._settings.sparsity, self._settings.adapt
        if self._costs is None or adapt is None:
            return [gamma] * len(self._alphas)
        factors = {name: float(alpha[-1]) for name, alpha in zip(self._names, self._alphas)}
        shares = self._costs.shares(factors, adapt)
        return [gamma * shares.get(name, 1.0) for name in self._names]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        lr, momentum, clip = self._settings.lr, self._settings.momentum, self._settings.clip
        gammas = self.sparsity()
        for factor, velocity, gradient, gamma in zip(self._alphas, self._velocity, gradients, gammas):
            g = gradient.to(factor) if clip is None else gradient.to(factor).clamp(-clip, clip)
            shrunk = torch.nn.functional.softshrink(factor - lr * g, lr * gamma)
            velocity.mul_(momentum).add_(shrunk - factor)
            factor.copy_((shrunk + momentum * velocity).clamp_min(0.0))

    def state_dict(self) -> dict[str, Any]:
        return {"velocity": self._velocity}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for velocity, stored in zip(self._velocity, state["velocity"], strict=True):
            velocity.copy_(stored)
