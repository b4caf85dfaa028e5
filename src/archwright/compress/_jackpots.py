"""Lottery jackpots: masks of a trained network, found without training its weights."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal, final, get_args

import torch
from torch import Tensor, nn

from archwright.compress._held import train_held
from archwright.compress._masks import Masks
from archwright.compress._pruning import Needs, Pruning
from archwright.compress._scored import Scored
from archwright.errors import UserError, nearest
from archwright.train import Trainer, resolve_device
from archwright.train._device import resolve_precision
from archwright.trial import Report

Start = Literal["magnitude", "random", "edge-popup"]
_FOREVER = 10**6  # epochs of patience: the best masks are kept, nothing is stopped


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Jackpots:
    """The masks are searched by gradient while the weights stay as they were trained (Zhang et al. 2023).

    Every weight has a score (`Scored`). Each layer keeps as many weights as magnitude pruning leaves it, and after
    every step of the optimiser weights swap places as the scores say. The masks with the best validation accuracy stay.

    The trainer trains the scores; by default 30 epochs of SGD with rate 0.1, momentum 0.9, weight decay 5e-4 and
    batches of 256. The decay is a force of its own: it draws high scores down faster than low ones, so that pruned
    weights come back.

    Args:
        start: masks to begin with: those of magnitude pruning, which overlap most with what is found; `"random"`; or
            `"edge-popup"`: random scores whose magnitudes count (Ramanujan et al. 2020), the ancestor of the method.
        restriction: share of the pairs that want to swap which do so after a step, in (0, 1], or `"falling"`:
            (1 - t)^4 over the search. The released code has 1.
        tuning: how the weights that are kept are trained afterwards; None: they are not. Published for ImageNet:
            10 epochs with rate 0.01 and no weight decay.

    Raises:
        UserError: a setting out of range.
    """

    start: Start = "magnitude"
    restriction: float | Literal["falling"] = "falling"
    tuning: Trainer | None = None

    def __post_init__(self) -> None:
        if self.start not in get_args(Start):
            raise UserError(f"unknown start {self.start!r}{nearest(self.start, get_args(Start))}")
        if self.restriction != "falling" and not (
            isinstance(self.restriction, int | float) and 0 < self.restriction <= 1
        ):
            raise UserError(f"restriction is in (0, 1] or 'falling', got {self.restriction!r}")

    @property
    def needs(self) -> Needs:
        return "splits"

    def __call__(self, module: nn.Module, asked: Pruning) -> nn.Module:
        masks, _ = self.search(module, asked)
        if self.tuning is not None:
            train_held(module, masks, asked, self.tuning, what="tuning")
        return module

    def search(self, module: nn.Module, asked: Pruning) -> tuple[Masks, list[Report]]:
        """Search the masks of `module` and zero its pruned weights in place; the others stay bit-identical.

        Args:
            module: trained; its batch-norm statistics adapt to the masks.
            asked: the sparsity, and the data to search with.

        Returns:
            The masks, and a report of every epoch: those of the trainer, with `swaps`, the pairs that swapped.
        """
        learning = {name: p.requires_grad for name, p in module.named_parameters()}
        scored = self._scored(module, asked)
        try:
            history = list(self._search(scored, asked))
        finally:
            for name, parameter in module.named_parameters():
                parameter.requires_grad_(learning[name])
        masks = scored.masks
        masks.apply_(module)
        return masks, history

    def restricted(self, position: float) -> float:
        """The share of pairs that swap.

        Args:
            position: in the search, from 0 to 1.
        """
        return (1 - position) ** 4 if self.restriction == "falling" else self.restriction

    def _scored(self, module: nn.Module, asked: Pruning) -> Scored:
        within = asked.masks(module)
        masks = asked.chosen("magnitude", module, within, asked.sparsity)
        generator = torch.Generator().manual_seed(asked.seed)
        if self.start == "magnitude":
            return Scored(module, masks, within=within)
        masks = masks.random_like(generator, within=within)
        if self.start == "random":
            return Scored(module, masks, within=within)
        scored = Scored(module, masks, within=within, scores=_drawn(masks, generator), absolute=True)
        scored.swap()
        return scored

    def _search(self, scored: Scored, asked: Pruning) -> list[Report]:
        trainer = asked.trainer or Trainer(epochs=30, batch_size=256)
        if trainer.patience is None and len(asked.splits.valid):
            trainer = dataclasses.replace(trainer, patience=_FOREVER)
        if trainer.precision == "auto":  # that of the network; the scores are of no layer
            precision = resolve_precision("auto", resolve_device(trainer.device), scored.module)
            trainer = dataclasses.replace(trainer, precision=precision)
        swaps, found = [0], []

        def on_update(done: float, planned: float) -> None:
            swaps[-1] += scored.swap(self.restricted(done / planned if math.isfinite(planned) else 0.0))

        total = 0 if trainer.epochs is None and trainer.minutes is not None else int(trainer.planned_epochs)
        for report in trainer.fit(scored, asked.splits, seed=asked.seed, on_update=on_update):
            asked.tell("searching masks", report.step + 1, total)
            found.append(dataclasses.replace(report, metrics={**report.metrics, "swaps": float(swaps[-1])}))
            swaps.append(0)
        return found


def _drawn(masks: Masks, generator: torch.Generator) -> Mapping[str, Tensor]:
    """Scores uniform in +-1 / sqrt(fan-in), as weights are initialised (kaiming with a = sqrt(5))."""
    return {
        name: (2 * torch.rand(mask.shape, generator=generator) - 1) / math.sqrt(mask[0].numel())
        for name, mask in masks.items()
    }
