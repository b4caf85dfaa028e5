"""`GraphTrainer`: full-batch training on one graph."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.data.graphs import Graph
from archwright.errors import UserError
from archwright.train._step import Step, supervised
from archwright.trial import Metrics, Report

_IGNORED = -100  # label of nodes that are not trained on, as `F.cross_entropy` knows it


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GraphTrainer:
    """Trains a network on the training nodes of one graph, one update an epoch.

    Args:
        epochs: updates, at least 1.
        optimizer: `adam`, or `sgd` without momentum.
        lr: learning rate, constant.
        weight_decay: on all parameters.
        select: what decides the epoch that counts: the first of the best validation `accuracy`, or of the smallest
            validation `loss`.

    Raises:
        UserError: a value out of range.
    """

    epochs: int = 200
    optimizer: Literal["sgd", "adam"] = "adam"
    lr: float = 0.01
    weight_decay: float = 5e-4
    select: Literal["accuracy", "loss"] = "accuracy"

    def __post_init__(self) -> None:
        if self.select not in ("accuracy", "loss"):
            raise UserError(f"select must be accuracy or loss, got {self.select!r}")
        if self.optimizer not in ("sgd", "adam"):
            raise UserError(f"optimizer must be sgd or adam, got {self.optimizer!r}")
        if self.epochs < 1 or not self.lr > 0 or self.weight_decay < 0:
            raise UserError(
                f"epochs must be at least 1, lr above 0 and weight_decay not below, got {self.epochs}, {self.lr}, "
                f"{self.weight_decay}"
            )

    def fit(
        self,
        module: nn.Module,
        graph: Graph,
        *,
        seed: int = 0,
        step: Step = supervised,
        metrics: Callable[[nn.Module], Mapping[str, float]] | None = None,
    ) -> Iterator[Report]:
        """Train `module`, which maps the features of the graph (N, F) to logits (N, classes), in place.

        Args:
            module: bound to the graph; a `Supernet` if `step` and `metrics` give it architectures.
            graph: with training and validation nodes.
            seed: of dropout and of `step`; the random state of the caller stays as it is.
            step: what is done in an epoch (`Step`), with the features of all nodes and their classes, -100 for nodes
                that are not trained on: `SupernetStep` trains shared weights.
            metrics: evaluates the module after an epoch instead; it must leave the module as it is.

        Yields:
            After each epoch `loss` (on the training nodes, in training mode) or whatever else `step` names; and, in
            evaluation mode, `accuracy` (percent of the validation nodes in the epoch that `select` chooses so far) and
            `test_accuracy` (of that epoch; to be reported, not to choose by; absent without test nodes), or `metrics`.
            If the loss is not finite the training ends with that report.

        Raises:
            UserError: no training or validation nodes.
        """
        for part in ("train", "valid"):
            if not getattr(graph, part).any():
                raise UserError(f"graph {graph.name!r} has no {part} nodes")
        constructor = torch.optim.Adam if self.optimizer == "adam" else torch.optim.SGD
        optimizer = constructor(module.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        y = torch.where(graph.train, graph.y, _IGNORED)
        chosen: Metrics = {}
        state, best = _first_state(seed), -math.inf
        for epoch in range(self.epochs):
            rng = np.random.default_rng((seed, epoch))
            losses, state = _update(module, graph.x, y, optimizer, step, rng, state)
            if metrics is None:
                value, found = _judged(module, graph, self.select)
                best, chosen = (value, found) if value > best else (best, chosen)
            else:
                chosen = metrics(module)
            yield Report(step=epoch, metrics={**losses, **chosen})
            if not all(math.isfinite(loss) for loss in losses.values()):
                return


def _first_state(seed: int) -> Tensor:
    return torch.Generator().manual_seed(seed).get_state()


def _update(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    optimizer: torch.optim.Optimizer,
    step: Step,
    rng: np.random.Generator,
    state: Tensor,
) -> tuple[dict[str, float], Tensor]:
    """One step with the random state `state`; what it tells and the state after it."""
    module.train()
    optimizer.zero_grad()
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(state)
        told = step(module, x, y, backward=_Backward(optimizer), rng=rng)
        state = torch.get_rng_state()
    optimizer.step()
    return {name: float(value) for name, value in told.items()}, state


class _Backward:
    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def __call__(self, loss: Tensor) -> None:
        loss.backward()  # type: ignore[no-untyped-call]


@torch.no_grad()
def _judged(module: nn.Module, graph: Graph, select: str) -> tuple[float, Metrics]:
    """How good this epoch is, and what is reported of it."""
    module.eval()
    logits = module(graph.x)
    correct = logits.argmax(1) == graph.y
    found = {"accuracy": _percent(correct[graph.valid])}
    if graph.test.any():
        found["test_accuracy"] = _percent(correct[graph.test])
    if select == "accuracy":
        return found["accuracy"], found
    loss = float(F.cross_entropy(logits[graph.valid], graph.y[graph.valid]))
    return -loss if math.isfinite(loss) else -math.inf, found


def _percent(correct: Tensor) -> float:
    return 100.0 * int(correct.sum()) / len(correct)
