"""`Train`: training from scratch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch

from archwright.data import Splits
from archwright.estimate._estimator import Estimator
from archwright.space import Arch
from archwright.supernet import Supernet
from archwright.train import Trainer
from archwright.trial import Report


class Train(Estimator):
    """Validation accuracy of the stand-alone network trained from scratch, one report an epoch.

    Args:
        net: supernet whose `extract(arch, fresh=True)` gives the network; its weights are not used.
        splits: data to train and validate on.
        trainer: how to train. The budget of a call, if given, replaces its number of epochs.
    """

    source = "trained"

    def __init__(self, net: Supernet, splits: Splits, *, trainer: Trainer = Trainer(epochs=20)) -> None:
        self.net, self.splits, self.trainer = net, splits, trainer

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        trainer = self.trainer
        if budget is not None:
            trainer = dataclasses.replace(trainer, epochs=max(1, round(budget)), minutes=None)
        with torch.random.fork_rng():  # initial weights depend on the seed alone
            torch.manual_seed(seed)
            module = self.net.extract(arch, fresh=True)
        yield from trainer.fit(module, self.splits, seed=seed)
