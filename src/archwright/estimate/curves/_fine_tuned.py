"""`FineTuned`: a few batches with the weights of a supernet."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch

from archwright.data import Splits
from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.space import Arch
from archwright.supernet import Supernet
from archwright.train import Trainer
from archwright.trial import Report


class FineTuned(Estimator):
    """A sub-network trained alone for some batches, starting from the weights of a trained supernet.

    What training speed reads in one-shot search (Ru et al. 2021, section 4.3): each architecture starts from the same
    supernet weights, statistics and an empty optimiser, and sees the same batches in the same order, whatever the
    seed of the trial. The supernet stays as it is. `train_loss` is the mean over the batches.

    Args:
        net: trained supernet.
        splits: batches come from `train`, `accuracy` from `valid`.
        batches: batches an architecture is trained on; the budget of a call, if given, replaces it.
        batch_size: samples a batch.
        lr: constant learning rate, above 0.
        order: seed of the batches that all see.

    Raises:
        UserError: a number out of range.
    """

    source = "fine-tuned"
    shared = True

    def __init__(
        self,
        net: Supernet,
        splits: Splits,
        *,
        batches: int = 100,
        batch_size: int = 64,
        lr: float = 1e-3,
        order: int = 0,
    ) -> None:
        if batches < 1 or batch_size < 1 or order < 0:
            raise UserError(
                f"batches and batch_size must be at least 1, order at least 0, got {batches}, {batch_size}, {order}"
            )
        self.net, self.splits, self.batches, self.batch_size = net, splits, batches, batch_size
        self.lr, self.order, self.budget = lr, order, batches
        self._trainer = Trainer(epochs=1, batch_size=batch_size, lr=lr, schedule="constant", augment=None)

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        module = self.net.extract(arch)
        yield from self._trainer.fit(module, self._part(budget), seed=self.order)

    def _part(self, budget: float | None) -> Splits:
        """The data with the training samples that all architectures see; at most all."""
        train = self.splits.train
        batches = self.batches if budget is None else max(1, round(budget))
        samples = min(batches * self.batch_size, len(train))
        chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(self.order))[:samples]
        return dataclasses.replace(self.splits, train=train.subset(chosen))
