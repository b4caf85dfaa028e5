"""Phase `train`."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.run._phase import Phase
from archwright.run._state import State
from archwright.run._watch import watched
from archwright.supernet import distillation, extreme, recalibrate
from archwright.train import Trainer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Train(Phase):
    """Train the chosen network alone.

    Args:
        start: `"inherited"`: from the supernet's weights; `"fresh"`: from new ones.
        distil: weight of the soft labels of the supernet's largest network in the loss, in [0, 1]; 0 means labels only.
        label_smoothing: of the loss against labels.
        trainer: how to train.
        share: part of the run's minutes for this phase, in (0, 1].
    """

    start: Literal["inherited", "fresh"] = "inherited"
    distil: float = 0.0
    label_smoothing: float = 0.0
    trainer: Trainer = Trainer(epochs=40, lr=0.05)
    share: float = 0.3

    def __call__(self, state: State) -> None:
        assert state.chosen is not None
        with torch.random.fork_rng():
            torch.manual_seed(state.config.seed)
            model = state.net.extract(state.chosen, fresh=self.start == "fresh").to(state.device)
        trainer = dataclasses.replace(self.trainer, minutes=state.minutes(self.share) or self.trainer.minutes)
        reports = trainer.fit(
            model,
            state.splits,
            self._step(state),
            seed=state.config.seed,
            checkpoint=state.folder / "checkpoints" / "model.pt",
        )
        curve = watched(reports, trainer, state.progress, "chosen network")
        state.model = model.eval()
        state.result["training"] = {"epochs": len(curve), "curve": [dict(r.metrics) for r in curve]}

    def _step(self, state: State) -> _Step:
        teacher = None
        if self.distil > 0:
            largest = extreme(state.net.space, np.random.default_rng(state.config.seed), largest=True)
            teacher = state.net.slice(largest)
            batches = state.splits.train.batches(256, shuffle=True, seed=state.config.seed, device=state.device)
            recalibrate(teacher, itertools.islice((x for x, _ in batches), 16))
        return _Step(teacher, self.distil, self.label_smoothing)


class _Step:
    """Cross-entropy against labels, mixed with that against a teacher (Hinton et al. 2015, temperature 1)."""

    def __init__(self, teacher: nn.Module | None, weight: float, label_smoothing: float) -> None:
        self.teacher, self.weight, self.label_smoothing = teacher, weight, label_smoothing

    def __call__(
        self, module: nn.Module, x: Tensor, y: Tensor, *, backward: Callable[[Tensor], None], rng: np.random.Generator
    ) -> dict[str, Tensor | float]:
        logits = module(x).float()
        loss = F.cross_entropy(logits, y, label_smoothing=self.label_smoothing)
        if self.teacher is not None:
            with torch.no_grad():
                soft = self.teacher(x).float()
            loss = (1 - self.weight) * loss + self.weight * distillation(logits, soft)
        backward(loss)
        return {"loss": loss.detach()}
