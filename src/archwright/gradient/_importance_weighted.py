"""Empirical Bayes by importance weights: PARSEC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._draws import Draws, batched
from archwright.gradient._score_function import Sampled, ScoreFunction


@final
class ImportanceWeighted(ScoreFunction):
    """The gradient of -ln E_q[p(D | z)], q = softmax(logits): -sum_k r_k d ln q(z_k), z_k drawn from q and r_k their
    likelihoods over the sum of them (Casale, Gordon, Fusi 2019, PARSEC, arXiv 1902.05116, section 3.2).

    The exact gradient is q - q(z | D), prior less posterior. The estimate is consistent: its bias falls as 1 / samples,
    and with one sample it is noise around zero. Steps of the network's weights use the same rule, d of sum_k r_k loss_k
    on their own batch, so each of them runs `samples` architectures.

    Args:
        samples: architectures a step, at least 2.
        observations: how many samples a loss is the mean of, > 0: the batch size. ln p(D | z) is minus the loss times
            so many. With fewer the likelihoods are flatter.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(self, *, samples: int = 8, observations: float = 64.0) -> None:
        if samples < 2 or not observations > 0:
            raise UserError(
                f"ImportanceWeighted needs samples >= 2 and observations > 0, got {samples} and {observations}"
            )
        self.samples, self.observations = samples, observations

    @property
    def paths(self) -> int:
        return self.samples

    @torch.no_grad()
    def __call__(self, loss: Sampled, logits: Sequence[Tensor], *, generator: torch.Generator) -> list[Tensor]:
        draws = Draws.of(logits, self.samples, generator)
        shares = self.shares(batched(loss, self.samples)(draws.split(draws.one_hot)))
        return draws.split(-(shares[:, None, None] * draws.score).sum(0))

    def shares(self, losses: Tensor) -> Tensor:
        """(samples,) r: likelihoods, sum one, of (samples,) mean losses."""
        return (-self.observations * losses.double()).softmax(0).to(losses)

    def combined(self, losses: Tensor) -> Tensor:
        return (self.shares(losses.detach()) * losses).sum()
