"""REINFORCE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor

from archwright.search.policy._policy_gradient import PolicyGradient
from archwright.search.policy._reward import Shape
from archwright.space import Arch, Space
from archwright.trial import Objective


@final
class Reinforce(PolicyGradient):
    """A controller writes architectures; their rewards move its weights (REINFORCE, Williams 1992).

    Zoph and Le (2017), "Neural Architecture Search with Reinforcement Learning": an LSTM, autoregressive over the
    active variables; a moving average of earlier rewards as baseline; skip connections by attention to anchor points.
    After every `batch` told trials one step of Adam along the mean of (reward - baseline) times the gradient of the
    log-probability. The defaults learn within hundreds of trials; the paper has 12 800, with `lr=6e-4, entropy=0,
    hidden=35, layers=2, spread=0.08, reward="cube", last=5, normalise=False`. Only the first objective counts.

    Args:
        space: where to search.
        batch: trials an update.
        lr: of Adam.
        entropy: factor of the entropy of the policy, added to the mean return.
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
        batch: int = 8,
        lr: float = 0.01,
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

    def _update(self, archs: Sequence[Arch], advantage: Tensor) -> None:
        with torch.enable_grad():
            likelihood = self._controller.likelihood(archs)
            returned = (advantage * likelihood.log_probability).mean()
            self._ascend(returned + self.entropy * likelihood.entropy.mean())
