"""What is done with one batch: the protocol of training steps and the default one."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer


class Backward(Protocol):
    """What a step back-propagates its losses with.

    Attributes:
        optimizer: what will move the weights after the step; to be looked at (learning rate, momentum), not stepped.
    """

    optimizer: Optimizer

    def __call__(self, loss: Tensor) -> None:
        """Add the gradients of `loss` to the parameters."""


class Step(Protocol):
    """Computes the losses of one batch and back-propagates them.

    Called as `step(module, x, y, backward=backward, rng=rng)` with `x` normalised float32 (N, C, H, W) or (N, F) and
    `y` int64 (N,), under autocast if the precision asks for it. The step calls `backward(loss)` once or more;
    gradients add up, so training several sub-networks on one batch keeps only one graph alive at a time. Each loss is
    a mean over the batch: the loop weighs batches by their size when it accumulates gradients. All randomness of the
    step comes from `rng`, which depends on (seed, epoch, batch) only; torch's global generators are seeded per batch
    by the loop.

    Returns named scalars (detached or not) for the report; their means over the epoch are reported as `train_<name>`.
    """

    def __call__(
        self, module: nn.Module, x: Tensor, y: Tensor, *, backward: Backward, rng: np.random.Generator
    ) -> Mapping[str, Tensor | float]:
        """Train on one batch."""


def supervised(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    backward: Backward,
    rng: np.random.Generator,
    label_smoothing: float = 0.0,
) -> dict[str, Tensor | float]:
    """Mean cross-entropy of `module(x)` against `y`, computed in float32.

    Args:
        module: returns logits of shape (N, classes).
        x: batch.
        y: int64 (N,) labels, or float32 (N, classes) probabilities.
        backward: back-propagates a loss.
        rng: not used.
        label_smoothing: weight of the uniform distribution in the target, in [0, 1) (Szegedy et al. 2016, section 7).
    """
    loss = F.cross_entropy(module(x).float(), y, label_smoothing=label_smoothing)
    backward(loss)
    return {"loss": loss.detach()}


def callable_name(function: Callable[..., Any]) -> str:
    """Name of a step or augmentation for checkpoints, the same in every process: of the function, or of the class."""
    if isinstance(function, functools.partial):
        return callable_name(function.func)
    if isinstance(function, types.FunctionType | types.MethodType):
        return function.__qualname__
    return type(function).__qualname__
