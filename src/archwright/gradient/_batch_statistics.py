"""Judging a mixture: batch normalisation by the batch, running statistics untouched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn


@contextlib.contextmanager
def batch_statistics(net: nn.Module) -> Iterator[None]:
    """Within, the network normalises by the batch, and its running statistics stay as they are."""
    modes = [(m, m.training) for m in net.modules()]
    parts = [(vars(m), vars(m)["momentum"]) for m in net.modules() if isinstance(vars(m).get("momentum"), float)]
    net.train()
    for attributes, _ in parts:
        attributes["momentum"] = 0.0
    try:
        yield
    finally:
        for attributes, momentum in parts:
            attributes["momentum"] = momentum
        for part, training in modes:
            part.training = training
