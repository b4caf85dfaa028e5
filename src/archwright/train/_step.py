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
    """Mean cross-entropy of `module(x)` against `y`, computed in float32 (`classification_loss`).

    Args:
        module: returns logits of shape (N, classes), or a pair of them, the second those of an auxiliary head.
        x: batch.
        y: int64 (N,) labels, or float32 (N, classes) probabilities.
        backward: back-propagates a loss.
        rng: not used.
        label_smoothing: weight of the uniform distribution in the target, in [0, 1) (Szegedy et al. 2016, section 7).
    """
    loss = classification_loss(module(x), y, label_smoothing=label_smoothing)
    backward(loss)
    return {"loss": loss.detach()}


def classification_loss(
    outputs: Tensor | tuple[Tensor, Tensor], y: Tensor, *, label_smoothing: float = 0.0, auxiliary: float = 0.4
) -> Tensor:
    """Mean cross-entropy, in float32, of logits, or of logits and those of an auxiliary head.

    Args:
        outputs: logits (N, classes); or a pair, the second of an auxiliary head.
        y: int64 (N,) labels, or float32 (N, classes) probabilities.
        label_smoothing: weight of the uniform distribution in the target, in [0, 1).
        auxiliary: weight of the loss of the auxiliary head (0.4: Liu et al. 2019, DARTS).
    """
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs.float(), y, label_smoothing=label_smoothing)
    logits, other = outputs
    loss = F.cross_entropy(logits.float(), y, label_smoothing=label_smoothing)
    return loss + auxiliary * F.cross_entropy(other.float(), y, label_smoothing=label_smoothing)


def callable_name(function: Callable[..., Any]) -> str:
    """Name of a step or augmentation for checkpoints, the same in every process: of the function, or of the class."""
    if isinstance(function, functools.partial):
        return callable_name(function.func)
    if isinstance(function, types.FunctionType | types.MethodType):
        return function.__qualname__
    return type(function).__qualname__
