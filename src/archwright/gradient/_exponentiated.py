"""Prediction with expert advice: XNAS."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._update import Mover, Update, Wanted


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class ExponentiatedGradient(Update):
    """alpha_i += eta R_i, the logarithm of v_i <- v_i exp(eta R_i), with the reward R_i = -dL/du_i of the weight u_i in
    every layer, clipped to [-bound, bound], layer after layer (Nayman et al. 2019, XNAS, algorithm 1).

    T, the number of rewards, is that of the planned steps times the layers that share the variable, so variables of
    different cells get different rates. With it the regret is at most bound * sqrt(2 T ln N).

    Args:
        bound: L, largest size of a reward, > 0.
        rate: eta; None takes sqrt(2 ln N / (T L^2)), which makes the bound smallest.

    Raises:
        UserError: a setting out of range.
    """

    wants: ClassVar[Wanted] = "layers"

    bound: float = 1.0
    rate: float | None = None

    def __post_init__(self) -> None:
        if self.bound <= 0 or (self.rate is not None and self.rate <= 0):
            raise UserError(f"ExponentiatedGradient needs bound > 0 and rate > 0, got {self}")

    def begin(self, alphas: Sequence[Tensor]) -> ExpertMover:
        return ExpertMover(self, alphas)


@final
class ExpertMover(Mover):
    """Exponentiated gradient at work.

    Args:
        settings: of the rule.
        alphas: logarithms of the experts' weights, (n,) each.
    """

    def __init__(self, settings: ExponentiatedGradient, alphas: Sequence[Tensor]) -> None:
        self.settings, self._alphas = settings, list(alphas)
        self.planned = 0
        self.seen = [0] * len(self._alphas)
        self.horizon = [0] * len(self._alphas)

    def plan(self, steps: int) -> None:
        self.planned = steps

    def rate(self, n: int) -> float:
        """eta of the n-th variable."""
        if self.settings.rate is not None:
            return self.settings.rate
        experts = max(2, len(self._alphas[n]))
        return math.sqrt(2 * math.log(experts) / max(1, self.horizon[n])) / self.settings.bound

    def margin(self, n: int) -> float:
        """How far behind the leader an expert of the n-th variable may be and still win: 2 eta L (T - t)."""
        left = max(0, self.horizon[n] - self.seen[n])
        return 2 * self.rate(n) * self.settings.bound * left

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        bound = self.settings.bound
        for n, (alpha, gradient) in enumerate(zip(self._alphas, gradients)):
            if not self.horizon[n]:
                self.horizon[n] = max(1, self.planned) * len(gradient)
            rewards = (-gradient).clamp(-bound, bound).sum(0)
            alpha.add_(self.rate(n) * rewards.to(alpha))
            self.seen[n] += len(gradient)

    def state_dict(self) -> dict[str, Any]:
        return {"planned": self.planned, "seen": list(self.seen), "horizon": list(self.horizon)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.planned, self.seen, self.horizon = state["planned"], list(state["seen"]), list(state["horizon"])
