"""Adam on the architecture parameters."""

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
class Adam(Update):
    """Adam (Kingma, Ba 2015) with the settings of DARTS.

    Args:
        lr: > 0.
        betas: both in [0, 1).
        weight_decay: L2 coefficient on the parameters, at least 0.
        clip: largest global norm of the gradient, or None.
        keep_mass: after the step all entries that had a gradient are shifted together so that their total softmax
            probability, and with it every other entry's, is what it was (Cai et al. 2019, ProxylessNAS, appendix C).

    Raises:
        UserError: a setting out of range.
    """

    lr: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 1e-3
    clip: float | None = None
    keep_mass: bool = False

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.weight_decay < 0 or not all(0 <= b < 1 for b in self.betas):
            raise UserError(f"Adam needs lr > 0, betas in [0, 1) and weight_decay >= 0, got {self}")
        if self.clip is not None and self.clip <= 0:
            raise UserError(f"clip must be positive, got {self.clip}")

    def begin(self, alphas: Sequence[Tensor]) -> Mover:
        return _Adam(self, alphas)


class _Adam(Mover):
    def __init__(self, settings: Adam, alphas: Sequence[Tensor]) -> None:
        self._settings, self._alphas = settings, list(alphas)
        self._optimizer = torch.optim.Adam(
            self._alphas, lr=settings.lr, betas=settings.betas, weight_decay=settings.weight_decay
        )

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        settings = self._settings
        before = [a.clone() for a in self._alphas] if settings.keep_mass else []
        for alpha, gradient in zip(self._alphas, gradients):
            alpha.grad = gradient.to(alpha)
        if settings.clip is not None:
            torch.nn.utils.clip_grad_norm_(self._alphas, settings.clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        for alpha, old, gradient in zip(self._alphas, before, gradients):
            touched = gradient != 0
            if touched.any():
                alpha[touched] -= alpha[touched].logsumexp(0) - old[touched].logsumexp(0)

    def state_dict(self) -> dict[str, Any]:
        return self._optimizer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._optimizer.load_state_dict(dict(state))
