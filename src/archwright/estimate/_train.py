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
from archwright.zoo import Evaluation, EvaluationNetwork


class Train(Estimator):
    """Validation accuracy of the stand-alone network trained from scratch, one report an epoch.

    Args:
        net: supernet whose `extract(arch, fresh=True)` gives the network; its weights are not used.
        splits: data to train and validate on.
        trainer: how to train. The budget of a call, if given, replaces its number of epochs.
        evaluation: train the evaluation network of the architecture instead, of the `darts` space.

    Raises:
        UserError: `evaluation` for a space that has no evaluation networks.
    """

    source = "trained"

    def __init__(
        self,
        net: Supernet,
        splits: Splits,
        *,
        trainer: Trainer = Trainer(epochs=20),
        evaluation: Evaluation | None = None,
    ) -> None:
        self.net, self.splits, self.trainer, self.evaluation = net, splits, trainer, evaluation
        self.budget = trainer.planned_epochs
        if evaluation is not None:
            evaluation.check(net)

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        trainer = self.trainer
        if budget is not None:
            trainer = dataclasses.replace(trainer, epochs=max(1, round(budget)), minutes=None)
        with torch.random.fork_rng():  # initial weights depend on the seed alone
            torch.manual_seed(seed)
            if self.evaluation is None:
                module = self.net.extract(arch, fresh=True)
            else:
                module = self.evaluation.network(self.net, arch, self.splits)
        on_update = module.progressed if isinstance(module, EvaluationNetwork) else None
        yield from trainer.fit(module, self.splits, seed=seed, on_update=on_update)
