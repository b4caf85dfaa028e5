"""`GraphTrainer`: full-batch training on one graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.data.graphs import Graph
from archwright.errors import UserError
from archwright.trial import Report


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GraphTrainer:
    """Trains a network on the training nodes of one graph, one update an epoch.

    Args:
        epochs: updates, at least 1.
        optimizer: `adam`, or `sgd` without momentum.
        lr: learning rate, constant.
        weight_decay: on all parameters.

    Raises:
        UserError: a value out of range.
    """

    epochs: int = 200
    optimizer: Literal["sgd", "adam"] = "adam"
    lr: float = 0.01
    weight_decay: float = 5e-4

    def __post_init__(self) -> None:
        if self.optimizer not in ("sgd", "adam"):
            raise UserError(f"optimizer must be sgd or adam, got {self.optimizer!r}")
        if self.epochs < 1 or not self.lr > 0 or self.weight_decay < 0:
            raise UserError(
                f"epochs must be at least 1, lr above 0 and weight_decay not below, got {self.epochs}, {self.lr}, "
                f"{self.weight_decay}"
            )

    def fit(self, module: nn.Module, graph: Graph, *, seed: int = 0) -> Iterator[Report]:
        """Train `module`, which maps the features of the graph (N, F) to logits (N, classes), in place.

        Args:
            module: bound to the graph.
            graph: with training and validation nodes.
            seed: of dropout; the random state of the caller stays as it is.

        Yields:
            After each epoch `loss` (on the training nodes, in training mode), `accuracy` (best on the validation nodes
            so far, percent, in evaluation mode) and `test_accuracy` (of the first epoch that reached it; to be
            reported, not to choose by; absent without test nodes).

        Raises:
            UserError: no training or validation nodes.
        """
        for part in ("train", "valid"):
            if not getattr(graph, part).any():
                raise UserError(f"graph {graph.name!r} has no {part} nodes")
        constructor = torch.optim.Adam if self.optimizer == "adam" else torch.optim.SGD
        optimizer = constructor(module.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        state, best, test = _first_state(seed), -1.0, {}
        for epoch in range(self.epochs):
            loss, state = _update(module, graph, optimizer, state)
            correct = _correct(module, graph)
            accuracy = _percent(correct[graph.valid])
            if accuracy > best:
                best = accuracy
                test = {"test_accuracy": _percent(correct[graph.test])} if graph.test.any() else {}
            yield Report(step=epoch, metrics={"loss": loss, "accuracy": best, **test})


def _first_state(seed: int) -> Tensor:
    return torch.Generator().manual_seed(seed).get_state()


def _update(module: nn.Module, graph: Graph, optimizer: torch.optim.Optimizer, state: Tensor) -> tuple[float, Tensor]:
    """One step with the random state `state`; the loss and the state after it."""
    module.train()
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(state)
        logits = module(graph.x)
        state = torch.get_rng_state()
    loss = F.cross_entropy(logits[graph.train], graph.y[graph.train])
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.item(), state


@torch.no_grad()
def _correct(module: nn.Module, graph: Graph) -> Tensor:
    module.eval()
    return module(graph.x).argmax(1) == graph.y


def _percent(correct: Tensor) -> float:
    return 100.0 * int(correct.sum()) / len(correct)
