"""Proximal policy optimisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.search.policy._policy_gradient import PolicyGradient
from archwright.search.policy._reward import Shape
from archwright.space import Arch, Space
from archwright.trial import Objective


def clipped(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """min(ratio A, clip(ratio, 1 - clip, 1 + clip) A), elementwise (Schulman et al. 2017, equation 7).

    Args:
        ratio: new over old probability, (B,).
        advantage: A, (B,).
        clip: how far the ratio may pay, above 0.
    """
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


@final
class PPO(PolicyGradient):
    """A controller writes architectures; it learns from each batch several times, clipped (PPO).

    Zoph, Vasudevan, Shlens and Le (2018), "Learning Transferable Architectures for Scalable Image Recognition";
    Schulman et al. (2017), "Proximal Policy Optimization Algorithms". After every `batch` told trials, `epochs` passes
    over them in random minibatches. Old probabilities are those before the first pass: the ones the batch was drawn
    with, if each batch was told before the next was asked for. The paper has 20 000 trials, with `batch=20, lr=3.5e-4,
    entropy=1e-5, hidden=100, normalise=False`. Only the first objective counts.

    Args:
        space: where to search.
        batch: trials an update.
        epochs: passes over a batch.
        minibatch: trials a step, at most `batch`.
        clip: of the ratio of probabilities, in (0, 1).
        lr: of Adam.
        entropy: factor of the entropy of the policy, added to the objective.
        decay: part of the baseline that a trial keeps, in [0, 1).
        hidden: units of the LSTM.
        layers: of the LSTM.
        parts: of the range of a `Real`, each an option of the softmax.
        spread: weights begin in U(-spread, spread).
        skips: skip connections and their anchor points, as for `Controller`.
        reward: `"value"`, `"cube"` or `"inverse-square"`, as for `Reward`.
        last: the best of the last so many reports of a trial counts.
        normalise: divide by the standard deviation of all rewards so far, so that their unit does not matter.
        duplicates: whether an architecture may be proposed again, as the policy of the paper does; False draws another,
            which moves what is drawn a little away from the policy, but wastes no evaluation.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        batch: int = 10,
        epochs: int = 4,
        minibatch: int = 10,
        clip: float = 0.2,
        lr: float = 0.003,
        entropy: float = 1e-3,
        decay: float = 0.95,
        hidden: int = 64,
        layers: int = 1,
        parts: int = 10,
        spread: float = 0.1,
        skips: Mapping[str, Sequence[str]] | None = None,
        reward: Shape = "value",
        last: int = 1,
        normalise: bool = True,
        duplicates: bool = False,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            space, batch=batch, lr=lr, entropy=entropy, decay=decay, hidden=hidden, layers=layers, parts=parts,
            spread=spread, skips=skips, reward=reward, last=last, normalise=normalise, duplicates=duplicates,
            objectives=objectives, limits=limits, seed=seed,
        )  # fmt: skip
        if epochs < 1 or not 1 <= minibatch <= batch:
            raise UserError(f"epochs must be at least 1, minibatch 1 to batch={batch}, got {epochs} and {minibatch}")
        if not 0 < clip < 1:
            raise UserError(f"clip must be in (0, 1), got {clip}")
        self.epochs, self.minibatch, self.clip = epochs, minibatch, clip

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {**super().settings, "epochs": self.epochs, "minibatch": self.minibatch, "clip": self.clip}

    def _update(self, archs: Sequence[Arch], advantage: Tensor) -> None:
        rng = self._shuffles[self._batches]
        orders = [rng.permutation(len(archs)) for _ in range(self.epochs)]
        with torch.no_grad():
            old = self._controller.likelihood(archs).log_probability
        with torch.enable_grad():
            for order in orders:
                for first in range(0, len(archs), self.minibatch):
                    at = order[first : first + self.minibatch]
                    likelihood = self._controller.likelihood([archs[i] for i in at.tolist()])
                    ratio = (likelihood.log_probability - old[at]).exp()
                    gain = clipped(ratio, advantage[at], self.clip).mean()
                    self._ascend(gain + self.entropy * likelihood.entropy.mean())
