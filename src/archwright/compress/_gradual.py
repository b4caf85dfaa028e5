"""Gradual magnitude pruning."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from archwright.compress._criteria import Criterion, check_criterion
from archwright.compress._pruning import Needs, Pruning
from archwright.errors import UserError
from archwright.train import Backward, Step, Trainer


def cubic(position: float, initial: float, final: float) -> float:
    """s_f + (s_i - s_f) (1 - position)^3: fast while many weights are redundant, slower the fewer are left (Zhu and
    Gupta 2017, equation 1).

    Args:
        position: in the window in which weights are pruned; 0 at its start, 1 at its end.
        initial, final: sparsities.
    """
    return final + (initial - final) * (1 - min(max(position, 0.0), 1.0)) ** 3


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Gradual:
    """Sparsity grows by `cubic` while the network trains (Zhu and Gupta 2017).

    The forward pass uses masked weights, the optimiser has the dense ones: a pruned weight gets no gradient but keeps
    its value, and returns when others have become smaller.

    Args:
        start, end: the window in which weights are pruned, as fractions of the training, 0 <= start < end <= 1. After
            it the masks are fixed.
        updates: how often the masks are chosen anew in it, at least 1.
        criterion: by which; not `"taylor"`.

    Raises:
        UserError: a setting out of range.
    """

    start: float = 0.0
    end: float = 0.75
    updates: int = 100
    criterion: Criterion = "magnitude"

    def __post_init__(self) -> None:
        check_criterion(self.criterion)
        if self.criterion == "taylor":
            raise UserError("criterion 'taylor' needs a pass over data at every update; choose another one")
        if not 0 <= self.start < self.end <= 1:
            raise UserError(f"start and end are 0 <= start < end <= 1, got {self.start} and {self.end}")
        if self.updates < 1:
            raise UserError(f"updates must be at least 1, got {self.updates}")

    @property
    def needs(self) -> Needs:
        return "splits"

    def __call__(self, module: nn.Module, asked: Pruning) -> nn.Module:
        trainer = asked.trainer or Trainer()
        if trainer.patience is not None:
            raise UserError(f"gradual pruning needs its whole schedule: no patience, got {trainer.patience}")
        step = _Masked(module, asked, self, asked.step(trainer))
        step.check()
        fit = dataclasses.replace(trainer, label_smoothing=0.0).fit
        reports = fit(
            module,
            asked.splits,
            step,
            seed=asked.seed,
            metrics=lambda _: {},
            metrics_updates=0,
            on_update=step.on_update,
        )
        for report in reports:
            asked.tell("training and pruning", report.step + 1, 0 if trainer.minutes else int(trainer.planned_epochs))
        step.masks.apply_(module)
        return module


class _Masked:
    """A step on masked weights that leaves the dense ones to the optimiser."""

    def __init__(self, module: nn.Module, asked: Pruning, how: Gradual, step: Step) -> None:
        self.masks = self._first = asked.masks(module)
        self._module, self._asked, self._how, self._step = module, asked, how, step
        self._weights = {n: p for n, p in module.named_parameters() if n in self.masks}
        self._done = 0

    def check(self) -> None:
        """Raises UserError if the sparsity cannot be reached."""
        self._choose(self._asked.sparsity)
        self.masks = self._first

    def __call__(
        self, module: nn.Module, x: Tensor, y: Tensor, *, backward: Backward, rng: np.random.Generator
    ) -> Mapping[str, Tensor | float]:
        """Train on one batch."""
        dense = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self.masks.apply_(self._module)
        told = self._step(module, x, y, backward=backward, rng=rng)
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(dense[name])
                if weight.grad is not None:
                    weight.grad.masked_fill_(~self.masks[name].to(weight.device), 0)
        return told

    def on_update(self, done: float, planned: float) -> None:
        """Choose the masks anew if it is time."""
        how = self._how
        place = done / planned if math.isfinite(planned) else 0.0
        update = min(math.floor((place - how.start) / (how.end - how.start) * how.updates + 1e-9), how.updates)
        if update > self._done:
            self._done = update
            self._choose(cubic(update / how.updates, self._first.sparsity, self._asked.sparsity))

    def _choose(self, sparsity: float) -> None:
        self.masks = self._asked.chosen(self._how.criterion, self._module, self._first, sparsity)
