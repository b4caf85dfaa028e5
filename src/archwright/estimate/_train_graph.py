"""`TrainGraph`: training from scratch on one graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import torch
from torch import nn

from archwright.data.graphs import Graph
from archwright.estimate._estimator import Estimator
from archwright.space import Arch
from archwright.train import GraphTrainer
from archwright.trial import Report


class TrainGraph(Estimator):
    """Validation accuracy of a graph network trained from scratch, full batch, one report an epoch.

    Args:
        build: architecture to a network with fresh weights, bound to `graph`, from features (N, F) to logits.
        graph: to train and validate on.
        trainer: how to train; None: the defaults of `GraphTrainer`. The budget of a call, if given, replaces its
            number of epochs.
    """

    source = "trained"

    def __init__(
        self, build: Callable[[Arch], nn.Module], graph: Graph, *, trainer: GraphTrainer | None = None
    ) -> None:
        self.build, self.graph, self.trainer = build, graph, trainer or GraphTrainer()
        self.budget = self.trainer.epochs

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        trainer = self.trainer
        if budget is not None:
            trainer = dataclasses.replace(trainer, epochs=max(1, round(budget)))
        with torch.random.fork_rng(devices=[]):  # initial weights depend on the seed alone
            torch.manual_seed(seed)
            module = self.build(arch)
        yield from trainer.fit(module, self.graph, seed=seed)
