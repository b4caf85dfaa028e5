"""Iterative magnitude pruning with rewinding."""

from __future__ import annotations

import copy
import dataclasses
import math
import shutil
import tempfile
from pathlib import Path
from typing import Literal, final

from torch import nn

from archwright.compress._criteria import Criterion, check_criterion
from archwright.compress._held import train_held
from archwright.compress._masks import Masks
from archwright.compress._pruning import Needs, Pruning
from archwright.errors import UserError
from archwright.train import Trainer
from archwright.trial import Report

_SLACK = 0.05  # of a round: so little is pruned in the round before


def rounds(kept: int, wanted: int, rate: float) -> list[int]:
    """Weights kept after each round.

    Args:
        kept: before the first.
        wanted: after the last, exactly.
        rate: share of the kept weights that goes in a round, in (0, 1); in the last one what is left to go.
    """
    if kept <= wanted:
        return []
    count = max(1, math.ceil(math.log(wanted / kept) / math.log1p(-rate) - _SLACK))
    found = []
    for _ in range(count - 1):
        kept -= round(rate * kept)
        found.append(kept)
    return [*found, wanted]


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Iterative:
    """Rounds of training and pruning a share of the weights that are left (Frankle and Carbin 2019; Frankle et al.
    2020; Renda et al. 2020).

    With an epoch to rewind to, the network given is the initialisation. It is trained with the whole schedule, pruned,
    put back to where it was after that epoch (weights, norm statistics, optimiser and schedule), and so on; the last
    masks are trained in the same way. That makes rounds + 1 trainings, so comparisons should count training steps.
    Without, the network given is trained already, and each round prunes it and trains on from where it is.

    Args:
        rate: share of the kept weights that goes in a round, in (0, 1); the last round ends at the sparsity asked for.
        rewind: epochs after the initialisation to go back to, 0 for the initialisation itself;
            `"learning-rate"`: weights stay, the schedule is run again; `"fine-tune"`: weights stay, the rate is low.
        criterion: by which weights are pruned.
        tuning_lr: constant learning rate of `"fine-tune"`, relative to the trainer's.

    Raises:
        UserError: a setting out of range.
    """

    rate: float = 0.2
    rewind: int | Literal["learning-rate", "fine-tune"] = 0
    criterion: Criterion = "magnitude"
    tuning_lr: float = 0.01

    def __post_init__(self) -> None:
        check_criterion(self.criterion)
        if not 0 < self.rate < 1:
            raise UserError(f"rate must be in (0, 1), got {self.rate}")
        if not self.tuning_lr > 0:
            raise UserError(f"tuning_lr must be above 0, got {self.tuning_lr}")
        known = self.rewind >= 0 if isinstance(self.rewind, int) else self.rewind in ("learning-rate", "fine-tune")
        if not known:
            raise UserError(f"rewind is a number of epochs, 'learning-rate' or 'fine-tune', got {self.rewind!r}")

    @property
    def needs(self) -> Needs:
        return "splits"

    def __call__(self, module: nn.Module, asked: Pruning) -> nn.Module:
        trainer = asked.trainer or Trainer()
        if trainer.minutes is not None:
            raise UserError(f"rounds are trained for the same number of epochs: no minutes, got {trainer.minutes}")
        masks = asked.masks(module)
        asked.chosen("magnitude", module, masks, asked.sparsity)  # refuses what cannot be reached before training
        plan = rounds(masks.kept, masks.total - round(asked.sparsity * masks.total), self.rate)
        targets = [1 - kept / masks.total for kept in plan]
        if isinstance(self.rewind, int):
            if self.rewind >= trainer.planned_epochs:
                raise UserError(f"rewind must be below the {trainer.planned_epochs} epochs, got {self.rewind}")
            with tempfile.TemporaryDirectory() as folder:
                self._run(_Rewinding(module, asked, trainer, self.rewind, Path(folder)), module, masks, targets)
            return module
        if self.rewind == "fine-tune":
            rate = self.tuning_lr * trainer.lr
            trainer = dataclasses.replace(trainer, lr=rate, schedule="constant", warmup=0.0)
        for number, target in enumerate(targets, 1):
            masks = asked.chosen(self.criterion, module, masks, target)
            train_held(module, masks, asked, trainer, what=f"round {number} of {len(targets)}")
        return module

    def _run(self, train: _Rewinding, module: nn.Module, masks: Masks, targets: list[float]) -> None:
        train(masks, "training before pruning")
        for number, target in enumerate(targets, 1):
            masks = train.asked.chosen(self.criterion, module, masks, target)
            train(masks, f"round {number} of {len(targets)}")


class _Rewinding:
    """Trains a network again and again from the same epoch."""

    def __init__(self, module: nn.Module, asked: Pruning, trainer: Trainer, epoch: int, folder: Path) -> None:
        self.asked = asked
        self._module, self._trainer, self._epoch = module, trainer, epoch
        self._first = copy.deepcopy(module.state_dict()) if epoch == 0 else None
        self._early, self._now = folder / "early", folder / "now"

    def __call__(self, masks: Masks, what: str) -> None:
        """Train with `masks` from the epoch; the first time from the beginning."""
        if self._first is not None:
            self._module.load_state_dict(self._first)
            train_held(self._module, masks, self.asked, self._trainer, what=what)
        elif self._early.exists():
            shutil.copy(self._early, self._now)
            train_held(self._module, masks, self.asked, self._trainer, what=what, checkpoint=self._now)
        else:
            often = dataclasses.replace(self._trainer, checkpoint_every=0.0)
            train_held(
                self._module, masks, self.asked, often, what=what, checkpoint=self._now, on_report=self._keep_early
            )

    def _keep_early(self, report: Report) -> None:
        if report.step + 1 == self._epoch:
            shutil.copy(self._now, self._early)
