"""What a method of pruning is asked and how it answers."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Literal, Protocol, final

import torch
from torch import Tensor, nn

from archwright.compress._criteria import (
    Criterion,
    Scope,
    lamp,
    magnitude,
    pruned_to,
    random_scores,
    taylor,
)
from archwright.compress._masks import Masks, prunable
from archwright.compress._recalibrate_like import recalibrate_like
from archwright.data import Split, Splits
from archwright.train import Distilled, Step, Trainer, resolve_device, supervised

Told = Callable[[str, int, int], None]
"""(what, done, of how many)."""
Needs = Literal["nothing", "samples", "splits"]
_BATCH, _BATCHES = 128, 64  # for statistics and gradients


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Pruning:
    """What is asked of a method of pruning.

    Args:
        sparsity: share of the prunable weights, or of channels, that are gone in the end, in [0, 1).
        scope: whether weights are compared across layers; None: as the method does by default, mostly `"global"`.
        classifier: whether the last linear layer is pruned too.
        data: what the method may look at; a `Split` is training data.
        trainer: how it trains; None: as the method does by default, which may be not at all.
        teacher: what the trained weights learn from beside the labels, half and half; None: labels only.
        seed: of everything random.
        progress: told what is done.
    """

    sparsity: float
    scope: Scope | None = None
    classifier: bool = True
    data: Split | Splits | None = None
    trainer: Trainer | None = None
    teacher: nn.Module | None = None
    seed: int = 0
    progress: Told | None = None

    def step(self, trainer: Trainer) -> Step:
        """What weights are trained with."""
        if self.teacher is None:
            return functools.partial(supervised, label_smoothing=trainer.label_smoothing)
        teacher = self.teacher.to(resolve_device(trainer.device))
        return Distilled(teacher, label_smoothing=trainer.label_smoothing)

    @property
    def samples(self) -> Split | None:
        """Training data, if there are any."""
        return self.data.train if isinstance(self.data, Splits) else self.data

    @property
    def splits(self) -> Splits:
        """Data to train on; a method that needs them has them."""
        assert isinstance(self.data, Splits)
        return self.data

    def tell(self, what: str, done: int, total: int) -> None:
        """Say what is done."""
        if self.progress is not None:
            self.progress(what, done, total)

    def batches(self, module: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
        """Up to 64 batches of 128 training samples, drawn by the seed, where the module is."""
        assert self.samples is not None
        device = next((p.device for p in module.parameters()), torch.device("cpu"))
        shuffled = self.samples.batches(_BATCH, shuffle=True, drop_last=True, seed=self.seed, device=device)
        return itertools.islice(iter(shuffled), _BATCHES)

    def recalibrated(self, module: nn.Module, dense: nn.Module) -> None:
        """Batch-norm statistics anew, if there are data: those of the dense network are wrong for a pruned one."""
        if self.samples is not None:
            recalibrate_like(module, dense, lambda: self.batches(module))

    def masks(self, module: nn.Module) -> Masks:
        """What is kept now. A layer of zeros only was initialised so and counts as dense."""
        found = Masks.of(module, classifier=self.classifier)
        return Masks({n: mask if bool(mask.any()) else torch.ones_like(mask) for n, mask in found.items()})

    def chosen(self, criterion: Criterion, module: nn.Module, masks: Masks, sparsity: float) -> Masks:
        """Masks of a sparsity within `masks`, by a criterion of the module as it is.

        Raises:
            UserError: as `pruned_to`.
        """
        parameters = prunable(module, classifier=self.classifier)
        weights = {name: parameters[name] for name in masks}
        generator = torch.Generator().manual_seed(self.seed)
        if criterion == "layer-random":
            counts = pruned_to(masks, magnitude(weights), sparsity, scope=self.scope or "global")
            return counts.random_like(generator, within=masks)
        if criterion == "taylor":
            scores = taylor(module, weights, self.batches(module))
        elif criterion == "random":
            scores = random_scores(weights, generator)
        else:
            scores = lamp(weights) if criterion == "lamp" else magnitude(weights)
        return pruned_to(masks, scores, sparsity, scope=self.scope or "global")


class Method(Protocol):
    """A method of pruning."""

    @property
    def needs(self) -> Needs:
        """Nothing but the network; a `Split`, or `Splits`, of samples; or `Splits`, to train on."""

    def __call__(self, module: nn.Module, asked: Pruning) -> nn.Module:
        """The pruned network, in eval mode.

        Args:
            module: a copy that is the method's own.
            asked: data that do not suit `needs` were refused before.

        Raises:
            UserError: it cannot be pruned so.
        """
