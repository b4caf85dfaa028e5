"""Training with masks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import final

import numpy as np
from torch import Tensor, nn

from archwright.compress._masks import Masks
from archwright.compress._pruning import Pruning
from archwright.train import Backward, Step, Trainer, supervised
from archwright.trial import Report


@final
class Held:
    """A step that keeps pruned weights at zero, whatever the optimiser does.

    Args:
        module: what is trained; the step itself may be given it compiled.
        masks: of its weights.
        step: what is done with a batch.
    """

    def __init__(self, module: nn.Module, masks: Masks, step: Step = supervised) -> None:
        self._module, self._masks, self._step = module, masks, step
        self._optimizer: object = None

    def __call__(
        self, module: nn.Module, x: Tensor, y: Tensor, *, backward: Backward, rng: np.random.Generator
    ) -> Mapping[str, Tensor | float]:
        """Train on one batch."""
        if self._optimizer is not backward.optimizer:  # the first batch
            self._optimizer = backward.optimizer
            self._masks.hold(self._module, backward.optimizer)
        return self._step(module, x, y, backward=backward, rng=rng)


def train_held(
    module: nn.Module,
    masks: Masks,
    asked: Pruning,
    trainer: Trainer,
    *,
    what: str = "training",
    checkpoint: Path | None = None,
    on_report: Callable[[Report], None] | None = None,
) -> None:
    """Train `module` in place with its pruned weights held at zero.

    Args:
        module: masked here.
        masks: of its weights.
        asked: its data, teacher, seed and progress are used.
        trainer: how.
        what: is told to the progress.
        checkpoint: as for `Trainer.fit`.
        on_report: told of every epoch.
    """
    masks.apply_(module)
    step = Held(module, masks, asked.step(trainer))
    trainer = dataclasses.replace(trainer, label_smoothing=0.0)
    total = 0 if trainer.epochs is None and trainer.minutes is not None else int(trainer.planned_epochs)
    for report in trainer.fit(module, asked.splits, step, seed=asked.seed, checkpoint=checkpoint):
        asked.tell(what, report.step + 1, total)
        if on_report is not None:
            on_report(report)
    masks.apply_(module)  # what was averaged or restored may be from before
