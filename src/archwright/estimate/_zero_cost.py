"""`ZeroCost`: untrained networks judged by one mini-batch."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archwright.data import Splits
from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.estimate.zerocost import NotANumber, Score
from archwright.estimate.zerocost._registry import made
from archwright.space import Arch
from archwright.supernet import Supernet
from archwright.trial import Report

WORST = -1e8
"""Stands for a score that is infinite or no number: the network ranks last (the value of NAS-Bench-Suite-Zero)."""
_log = logging.getLogger(__name__)


class ZeroCost(Estimator):
    """A zero-cost score of the stand-alone network at initialisation; the metrics are `score` and the score's own name.

    Every architecture meets the same mini-batches, which depend on the data alone: `repeats` of them, without
    augmentation. The seed draws the initial weights, one set a repeat. A degenerate network (infinite or no score) gets
    `WORST`.

    Args:
        net: supernet whose `slice(arch, fresh=True)` gives the network.
        splits: batches come from `train`; labels are used by some scores.
        score: one of `SCORES.names()`.
        batch_size: samples a batch, at most as many as there are; None: as the score was published.
        repeats: batches and initialisations that are averaged, at least 1; with more than one, `score_sd` is reported
            too.
        fresh: judge new initial weights; False judges those of the supernet.
        settings: arguments of the score.

    Raises:
        UserError: unknown score or setting, repeats or batch size below 1, or no training samples.
    """

    source = "zero-cost"
    objective = "score"

    def __init__(
        self,
        net: Supernet,
        splits: Splits,
        *,
        score: str = "naswot",
        batch_size: int | None = None,
        repeats: int = 1,
        fresh: bool = True,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.net, self.splits, self.score, self.repeats, self.fresh = net, splits, score, repeats, fresh
        self.shared = not fresh
        self.settings = dict(settings or {})
        self.batch_size = batch_size
        self._score: Score = made(score, self.settings)
        if repeats < 1 or (batch_size is not None and batch_size < 1):
            raise UserError(f"repeats and batch_size must be at least 1, got {repeats} and {batch_size}")
        if not len(splits.train):
            raise UserError("zero-cost scores look at training samples, and there are none")
        self._batches: list[tuple[Tensor, Tensor]] | None = None

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        found = [self._once(arch, x, y, _derived(seed, n)) for n, (x, y) in enumerate(self.batches())]
        mean = sum(found) / len(found) if WORST not in found else WORST
        metrics = {"score": mean, self.score: mean}
        if len(found) > 1:
            metrics["score_sd"] = math.sqrt(sum((v - mean) ** 2 for v in found) / (len(found) - 1))
        yield Report(step=0, metrics=metrics)

    def batches(self) -> list[tuple[Tensor, Tensor]]:
        """The mini-batches (x, y) that every architecture meets."""
        if self._batches is None:
            size = min(self.batch_size or self._score.batch, len(self.splits.train))
            device = next(self.net.parameters()).device
            self._batches = [self._drawn(size, n, device) for n in range(self.repeats)]
        return self._batches

    def _drawn(self, size: int, number: int, device: torch.device) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(_derived(self.splits.seed, number))
        chosen = torch.randperm(len(self.splits.train), generator=generator)[:size]
        x, y = next(iter(self.splits.train.subset(chosen.to(self.splits.train.y.device)).batches(size, device=device)))
        return x, y

    def _once(self, arch: Arch, x: Tensor, y: Tensor, seed: int) -> float:
        try:
            value = self._score(self._network(arch, seed), x, y, seed=seed)
        except NotANumber as error:
            _log.debug("%s: %s", dict(arch), error)
            return WORST
        return value if math.isfinite(value) else WORST

    def _network(self, arch: Arch, seed: int) -> nn.Module:
        if not self.fresh:
            return self.net.slice(arch)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return self.net.slice(arch, fresh=True)


def _derived(seed: int, number: int) -> int:
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
