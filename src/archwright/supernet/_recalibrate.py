"""Batch-norm recalibration."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from archwright.errors import UserError
from archwright.supernet._searchable import Searchable


@torch.no_grad()
def recalibrate(module: nn.Module, batches: Iterable[Tensor | tuple[Tensor, ...]]) -> nn.Module:
    """Recompute the running statistics of every batch normalisation from training batches (cumulative average).

    Statistics of shared weights belong to no single network: a network cut from a supernet is recalibrated before it is
    judged (Guo et al. 2020, SPOS, section 3.4; Yu et al. 2020, BigNAS). Weights are not touched, dropout stays off.

    Args:
        module: a plain network, as `Supernet.slice` and `extract` give; changed in place and left in eval mode.
        batches: inputs (N, ...), or tuples whose first entry they are; a few dozen suffice.

    Returns:
        The module.

    Raises:
        UserError: the network is still searchable, or there is no batch.
    """
    if any(isinstance(m, Searchable) for m in module.modules()):
        raise UserError("statistics belong to one network: recalibrate net.slice(arch), not the supernet")
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    momenta = [m.momentum for m in norms]
    module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
        norm.train()
    try:
        seen = 0
        for batch in batches if norms else ():
            module(batch if isinstance(batch, Tensor) else batch[0])
            seen += 1
        if norms and not seen:
            raise UserError("recalibration needs at least one batch, got none")
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
        module.eval()
    return module
