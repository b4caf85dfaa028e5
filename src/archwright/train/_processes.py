"""One update over several processes: each takes its share of every batch, gradients and buffers are averaged
explicitly.

The module is not wrapped in `DistributedDataParallel`: a step may run many sub-networks and call backward many times,
and parameters outside the sampled ones must keep having no gradient. All processes draw the same architectures (the
step's generator does not depend on the rank), so the same parameters have gradients everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def share(fabric: Fabric, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The samples of a batch this process works on: every `world_size`-th."""
    if fabric.world_size == 1:
        return x, y
    return x[fabric.global_rank :: fabric.world_size], y[fabric.global_rank :: fabric.world_size]


def average_gradients(fabric: Fabric, module: nn.Module) -> None:
    """Replace each gradient by its mean over the processes."""
    _average(fabric, [p.grad for p in module.parameters() if p.grad is not None])


def average_buffers(fabric: Fabric, module: nn.Module) -> None:
    """Replace each floating-point buffer (batch-norm statistics) by its mean over the processes."""
    _average(fabric, [b for b in module.buffers() if b.is_floating_point()])


@torch.no_grad()
def _average(fabric: Fabric, tensors: Sequence[Tensor]) -> None:
    if fabric.world_size == 1 or not tensors:
        return
    flat = torch.cat([t.reshape(-1) for t in tensors])
    fabric.all_reduce(flat, reduce_op="mean")
    start = 0
    for tensor in tensors:
        tensor.copy_(flat[start : start + tensor.numel()].view(tensor.shape))
        start += tensor.numel()
