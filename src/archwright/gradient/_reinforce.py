"""The plain score-function estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, final, get_args

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._draws import Batched, Draws, batched
from archwright.gradient._score_function import Sampled, ScoreFunction

Baseline = Literal["none", "average", "others"]
Utility = Literal["loss", "scaled", "rank"]


@final
class Reinforce(ScoreFunction):
    """Mean over samples of (loss(b) - baseline) d ln p(b) / d logits (Williams 1992; as Cai, Zhu, Han 2019,
    ProxylessNAS, equation 5, use it with a moving average of the loss).

    By logits it is also the natural gradient in the expectation parameters softmax(logits), so with `NaturalGradient`
    it is variational optimisation (Staines, Barber 2012).

    Args:
        baseline: `"average"`, a moving average of earlier losses; `"others"`, the mean of the other samples of the step
            (unbiased); or `"none"`. The first step with `"average"` only sets it, and with one sample gives zero.
        decay: part of the average that a step keeps, in [0, 1).
        samples: architectures a step, at least 1.
        utility: what stands for the loss: itself (`"loss"`, unbiased); or of the samples of a step, centred, `"scaled"`
            to deviation 1 or `"rank"`, evenly spaced in [-1/2, 1/2] (same direction in expectation, no scale).

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        *,
        baseline: Baseline = "average",
        decay: float = 0.9,
        samples: int = 1,
        utility: Utility = "loss",
    ) -> None:
        if baseline not in get_args(Baseline) or utility not in get_args(Utility):
            raise UserError(
                f"baseline must be one of {', '.join(get_args(Baseline))} and utility one of "
                f"{', '.join(get_args(Utility))}, got {baseline!r} and {utility!r}"
            )
        if not 0 <= decay < 1:
            raise UserError(f"decay must be in [0, 1), got {decay}")
        fewest = 2 if baseline == "others" or utility != "loss" else 1
        if samples < fewest:
            raise UserError(f"samples must be at least {fewest} for {baseline=} and {utility=}, got {samples}")
        self.baseline, self.decay, self.samples, self.utility = baseline, decay, samples, utility
        self.average: float | None = None

    @torch.no_grad()
    def __call__(self, loss: Sampled, logits: Sequence[Tensor], *, generator: torch.Generator) -> list[Tensor]:
        draws = Draws.of(logits, self.samples, generator)
        losses = batched(loss, self.samples)(draws.split(draws.one_hot))
        advantage = self._advantage(losses)
        if self.baseline == "average":
            mean = float(losses.mean())
            self.average = mean if self.average is None else self.decay * self.average + (1 - self.decay) * mean
        return draws.split((advantage[:, None, None] * draws.score).mean(0))

    @torch.no_grad()
    def each(
        self, losses: Batched, logits: Sequence[Tensor], *, samples: int, generator: torch.Generator
    ) -> list[Tensor]:
        """What single samples give, (samples, n_i) a variable; nothing is learnt.

        Args:
            losses: from one (samples, n_i) tensor a variable to (samples,).
            logits: (n_i,) a variable.
            samples: how many.
            generator: of the samples.
        """
        draws = Draws.of(logits, samples, generator)
        return draws.split(self._advantage(losses(draws.split(draws.one_hot)))[:, None, None] * draws.score)

    def _advantage(self, losses: Tensor) -> Tensor:
        count = len(losses)
        if self.utility == "rank":
            over, same = losses[:, None] > losses, losses[:, None] == losses
            return (over.sum(1) + 0.5 * (same.sum(1) - 1)).to(losses) / (count - 1) - 0.5
        if self.utility == "scaled":
            deviation = losses.std()
            return (losses - losses.mean()) / deviation if deviation > 0 else torch.zeros_like(losses)
        if self.baseline == "none":
            return losses
        if self.baseline == "average" and self.average is not None:
            return losses - self.average
        return (losses - losses.mean()) * (count / (count - 1) if count > 1 else 1.0)

    def state_dict(self) -> dict[str, Any]:
        return {"average": self.average}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.average = state["average"]
