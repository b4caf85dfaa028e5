"""What strategies that learn a policy share."""

from __future__ import annotations

import abc
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from archwright.errors import Infeasible, UserError
from archwright.search._novelty import Novelty
from archwright.search._strategy import Strategy
from archwright.search._streams import Streams
from archwright.search.policy._controller import Controller
from archwright.search.policy._reward import Reward, Shape
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial

_WEIGHTS, _SHUFFLES = 2, 3  # streams apart from those of proposals


class PolicyGradient(Strategy):
    """Proposals are drawn from a `Controller`, which learns from every `batch` told trials, in order.

    The baseline is the moving average of the rewards of earlier batches (in the first one, of its own); it carries no
    gradient. The weights are a function of the seed and the told trials: updates happen when a proposal is asked for.
    Subclasses implement `_update`. Arguments as of `Reinforce`.
    """

    def __init__(
        self,
        space: Space,
        *,
        batch: int,
        lr: float,
        entropy: float,
        decay: float,
        hidden: int,
        layers: int,
        parts: int,
        spread: float,
        skips: Mapping[str, Sequence[str]] | None,
        reward: Shape,
        last: int,
        normalise: bool,
        duplicates: bool,
        objectives: Sequence[str | Objective],
        limits: Mapping[str, float] | None,
        seed: int,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        if batch < 1:
            raise UserError(f"batch must be at least 1, got {batch}")
        if not lr > 0 or entropy < 0:
            raise UserError(f"lr must be above 0 and entropy at least 0, got {lr} and {entropy}")
        if not 0 <= decay < 1:
            raise UserError(f"decay must be in [0, 1), got {decay}")
        self.batch, self.lr, self.entropy, self.decay, self.normalise = batch, lr, entropy, decay, normalise
        self.hidden, self.layers, self.parts, self.spread, self.duplicates = hidden, layers, parts, spread, duplicates
        self.skips = {name: list(anchors) for name, anchors in (skips or {}).items()}
        self.reward = Reward(self.objectives[0], self.limits, shape=reward, last=last)
        first = int(Streams(seed, _WEIGHTS)[0].integers(2**62))
        self._controller = Controller(
            space, hidden=hidden, layers=layers, parts=parts, skips=self.skips, spread=spread, seed=first
        )
        self._optimizer = torch.optim.Adam(self._controller.parameters(), lr=lr)
        self._shuffles = Streams(seed, _SHUFFLES)
        self._novelty = Novelty(space)
        self._archs: list[Arch] = []
        self._baseline: float | None = None
        self._batches = 0

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {
            "batch": self.batch,
            "lr": self.lr,
            "entropy": self.entropy,
            "decay": self.decay,
            "hidden": self.hidden,
            "layers": self.layers,
            "parts": self.parts,
            "spread": self.spread,
            "skips": json.dumps(self.skips),
            "reward": self.reward.shape,
            "last": self.reward.last,
            "normalise": self.normalise,
            "duplicates": self.duplicates,
        }

    @property
    def controller(self) -> Controller:
        """The policy, after all whole batches told so far."""
        while (self._batches + 1) * self.batch <= self.told:
            self._learn(self._batches * self.batch, (self._batches + 1) * self.batch)
            self._batches += 1
        return self._controller

    def _learn(self, first: int, end: int) -> None:
        rewards = self.reward.between(first, end)
        baseline = float(rewards.mean()) if self._baseline is None else self._baseline
        advantage = rewards - baseline
        if self.normalise:
            advantage = advantage / self.reward.deviation(end)
        self._update(self._archs[first:end], torch.tensor(advantage, dtype=torch.float32))
        if self._baseline is None:
            self._baseline = baseline
        else:
            for value in rewards.tolist():
                self._baseline = self.decay * self._baseline + (1 - self.decay) * value

    @abc.abstractmethod
    def _update(self, archs: Sequence[Arch], advantage: Tensor) -> None:
        """Learn from a batch; (batch,) advantages."""

    def _ascend(self, objective: Tensor) -> None:
        """One step of Adam."""
        self._optimizer.zero_grad()
        torch.autograd.backward(-objective)
        self._optimizer.step()

    def _propose(self, rng: np.random.Generator) -> Arch:
        drawn = self._drawn(rng)
        return next(drawn) if self.duplicates else self._novelty.first(lambda: next(drawn), rng)

    def _drawn(self, rng: np.random.Generator) -> Iterator[Arch]:
        """From the policy; uniform where constraints refuse what it draws."""
        try:
            yield from self.controller.sample(rng)
        except Infeasible:
            while True:
                yield self.space.sample(rng)

    def _observe(self, trial: Trial) -> None:
        self._archs.append(trial.arch)
        self.reward.tell(trial)
        self._novelty.add(trial.arch)
