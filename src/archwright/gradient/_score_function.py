"""Hypergradients from sampled architectures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Sampled = Callable[[Sequence[Tensor]], Tensor]
"""The loss of an architecture given as one weight vector a variable, one-hot or relaxed; a scalar."""


class ScoreFunction(ABC):
    """Estimates d/d logits of E[loss(b)], b one-hot vectors drawn from softmax(logits), variable by variable; it draws
    itself and has no bias."""

    @abstractmethod
    def __call__(self, loss: Sampled, logits: Sequence[Tensor], *, generator: torch.Generator) -> list[Tensor]:
        """The gradient, one tensor for each of `logits` (n_i,). Equal calls of `loss` must give equal values."""

    @property
    def paths(self) -> int:
        """Architectures that a step of the network's weights runs, at least 1."""
        return 1

    def combined(self, losses: Tensor) -> Tensor:
        """What a step of the weights descends, from the (paths,) losses of its architectures."""
        return losses.mean()

    def state_dict(self) -> dict[str, Any]:
        """What it has learnt, as tensors and plain values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027  many have no state
        """Continue from what `state_dict` gave."""
