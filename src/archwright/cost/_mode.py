"""Run a module as it would be used: eval mode, no gradients, everything put back afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from archwright.errors import UserError


@contextmanager
def inference(*modules: nn.Module) -> Iterator[None]:
    """Eval mode and `torch.inference_mode`; the training flag of every submodule is restored on leaving."""
    flags = [(part, part.training) for module in modules for part in module.modules()]
    try:
        for module in modules:
            module.eval()
        with torch.inference_mode():
            yield
    finally:
        for part, training in flags:
            part.training = training


def example(module: nn.Module, given: Tensor | Sequence[int]) -> Tensor:
    """`given` itself, or zeros of that shape (batch first) on the device and in the floating type of the module.

    Raises:
        UserError: not a tensor and not a tuple of positive integers.
    """
    if isinstance(given, Tensor):
        return given
    shape = tuple(given)
    if not shape or not all(isinstance(n, int) and n > 0 for n in shape):
        raise UserError(f"input must be a tensor or its shape, batch first, like (1, 3, 32, 32), got {given!r}")
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    return torch.zeros(shape, dtype=like.dtype, device=like.device)
