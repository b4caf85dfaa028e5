"""Variational optimisation over distributions of architectures."""

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
class NaturalGradient(Update):
    """Natural gradient of E_q[f] + temperature KL(q || uniform) in the probabilities theta = softmax(alpha): theta <-
    theta - lr d, d_i = theta_i (f_i - E_q f) for one variable, then clipped to [floor, 1] and normalised (Staines,
    Barber 2012; Akimoto et al. 2019, ASNG).

    d is the gradient by the logits, so every hypergradient and score-function estimator gives it; estimators without
    bias keep it so. With a temperature T one variable ends at the Gibbs distribution q_i ~ exp(-f_i / T), as an entropy
    bonus does. q factorises: it cannot say "this here only with that there".

    The step grows with the scale of the losses: see `Reinforce(utility=...)`.

    Args:
        lr: step of the probabilities, > 0.
        floor: smallest probability, in (0, 1): one of zero could never come back.
        temperature: of the entropy bonus, at least 0.

    Raises:
        UserError: a setting out of range.
    """

    lr: float = 0.1
    floor: float = 1e-3
    temperature: float = 0.0

    def __post_init__(self) -> None:
        if self.lr <= 0 or not 0 < self.floor < 1 or self.temperature < 0:
            raise UserError(f"NaturalGradient needs lr > 0, floor in (0, 1) and temperature >= 0, got {self}")

    def begin(self, alphas: Sequence[Tensor]) -> Mover:
        return _NaturalGradient(self, alphas)


class _NaturalGradient(Mover):
    def __init__(self, settings: NaturalGradient, alphas: Sequence[Tensor]) -> None:
        self._settings, self._alphas = settings, list(alphas)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Entries with a gradient of zero are options that are gone; the mass of the others among them all is kept."""
        settings = self._settings
        for alpha, gradient in zip(self._alphas, gradients):
            live = gradient != 0
            if not live.any():
                continue
            old = alpha[live]
            ln_theta = old.log_softmax(0)
            theta = ln_theta.exp()
            surprise = ln_theta - (theta * ln_theta).sum()
            slope = gradient[live].to(alpha) + settings.temperature * theta * surprise
            theta = (theta - settings.lr * slope).clamp(min(settings.floor, 1 / len(theta)), 1.0)
            alpha[live] = (theta / theta.sum()).log() + old.logsumexp(0)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to continue from but the parameters."""
