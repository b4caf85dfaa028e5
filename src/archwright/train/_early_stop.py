"""Early stop on validation accuracy (Prechelt 1998: a limit on epochs without progress)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from archwright.errors import UserError


class EarlyStop:
    """Remembers the best weights and says when no progress has been made for too long.

    Args:
        patience: epochs after the best one that training may go on.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.epoch = -1
        self.accuracy = float("-inf")
        self.weights: dict[str, Tensor] = {}

    def tell(self, epoch: int, metrics: Mapping[str, float], weights: Mapping[str, Tensor]) -> None:
        """Take the evaluation of an epoch in; `weights` are copied if they are the best so far (ties: the earlier one).

        Raises:
            UserError: the metrics have no accuracy to judge by.
        """
        if "accuracy" not in metrics:
            raise UserError(f"patience needs a metric named 'accuracy'; metrics() gave {sorted(metrics) or 'nothing'}")
        if metrics["accuracy"] > self.accuracy:
            self.epoch, self.accuracy = epoch, float(metrics["accuracy"])
            self.weights = {name: tensor.clone() for name, tensor in weights.items()}

    def exhausted(self, epoch: int) -> bool:
        """Whether `epoch` is the last that may be waited for."""
        return epoch - self.epoch >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """Plain values and tensors."""
        return {"epoch": self.epoch, "accuracy": self.accuracy, "weights": self.weights}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.epoch, self.accuracy, self.weights = state["epoch"], state["accuracy"], dict(state["weights"])
