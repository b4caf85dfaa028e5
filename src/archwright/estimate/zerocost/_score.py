"""The abstract score."""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from typing import ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.estimate.zerocost._probe import undisturbed


class NotANumber(UserError):  # noqa: N818  # an outcome, not a mistake
    """The score of a network is NaN."""


class Score(ABC):
    """A number for an untrained network from one mini-batch; higher is better.

    A subclass is a frozen keyword-only dataclass of settings that implements `value`. Calling it leaves the module as
    it was: parameters, buffers, gradients, modes, hooks and the global random numbers.

    Attributes:
        labelled: whether it needs labels.
        batch: samples of the published procedure.
    """

    labelled: ClassVar[bool] = False
    batch: ClassVar[int] = 64

    @final
    def __call__(self, module: nn.Module, x: Tensor, y: Tensor | None = None, *, seed: int = 0) -> float:
        """Score `module`.

        Args:
            module: any network that maps x to one tensor; (N, classes) for scores with labels.
            x: (N, ...) batch as the network takes it.
            y: int64 (N,) labels from 0; needed if `labelled`.
            seed: of everything random inside the score.

        Returns:
            The score; `-inf` where its logarithm is of zero.

        Raises:
            UserError: labels missing or not fitting, module and batch on different devices.
            NotANumber: the score is NaN.
        """
        self._check(module, x, y)
        found = self._found(module, x, y, seed)
        if math.isnan(found):
            raise NotANumber(f"{type(self).__name__} of this network on this batch is not a number (NaN)")
        return found

    def _found(self, module: nn.Module, x: Tensor, y: Tensor | None, seed: int) -> float:
        """The value, with images laid out channels last, which nearly doubles the speed of a CPU."""
        if x.ndim == 4 and x.device.type == "cpu":
            with contextlib.suppress(RuntimeError), undisturbed(module, seed):  # `x.view` refuses this layout
                return float(self.value(module, x.contiguous(memory_format=torch.channels_last), y))
        with undisturbed(module, seed):
            return float(self.value(module, x, y))

    @abstractmethod
    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        """The score; modes, buffers and random numbers may be used freely, parameters may not be changed."""

    def _check(self, module: nn.Module, x: Tensor, y: Tensor | None) -> None:
        name = type(self).__name__
        if x.ndim < 2 or not len(x):
            raise UserError(f"{name} takes a batch (N, ...) of at least one sample, got shape {tuple(x.shape)}")
        if y is not None and y.device != x.device:
            raise UserError(f"the labels are on {y.device} but the batch is on {x.device}")
        for part in module.modules():
            for tensor in (*part._parameters.values(), *part._buffers.values()):
                if tensor is not None and tensor.device != x.device:
                    raise UserError(f"the network is on {tensor.device} but the batch is on {x.device}")
        if self.labelled and y is None:
            raise UserError(f"{name} needs labels: give the batch as (x, y)")
        if y is not None and y.shape != x.shape[:1]:
            raise UserError(f"labels must have shape ({len(x)},), got {tuple(y.shape)}")


def loss(logits: Tensor, y: Tensor | None) -> Tensor:
    """Mean cross-entropy.

    Raises:
        UserError: the output is not (N, classes), or a label is out of range.
    """
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise UserError(f"the network must return logits (N, classes), got {shown(logits)}")
    assert y is not None
    if int(y.min()) < 0 or int(y.max()) >= logits.shape[1]:
        raise UserError(f"labels must be from 0 to {logits.shape[1] - 1}, got {int(y.min())} to {int(y.max())}")
    return F.cross_entropy(logits, y)


def output(found: object) -> Tensor:
    """What a network returned, which must be one tensor.

    Raises:
        UserError: anything else.
    """
    if not isinstance(found, torch.Tensor):
        raise UserError(f"the network must return one tensor, got {shown(found)}")
    return found


def shown(found: object) -> str:
    """A value for a message: a tensor by its shape."""
    return f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
