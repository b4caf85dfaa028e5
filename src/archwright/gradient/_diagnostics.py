"""Signs of collapse: how much of an architecture is skip connections, and how sharp the validation loss is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from archwright.gradient._hypergradient import gradient, leaves, norm, product
from archwright.supernet import OneOf, Supernet


def skip_share(net: Supernet, arch: Mapping[str, Any]) -> float:
    """Share of the chosen operations that are the identity, or its strided form, in [0, 1]; NaN if nothing is chosen.

    Args:
        net: supernet.
        arch: a member of its space.
    """
    chosen = [arch[name] in options for name, options in skips(net).items() if name in arch]
    return sum(chosen) / len(chosen) if chosen else math.nan


def skips(net: Supernet) -> dict[str, set[Any]]:
    """Choice of operations to its options that are skip connections: an `nn.Identity`, or named so."""
    found: dict[str, set[Any]] = {}
    for part in net.searchable():
        if isinstance(part, OneOf):
            named = zip(part.choice.options, part.options)
            identities = {o for o, m in named if isinstance(m, nn.Identity) or str(o).startswith(("skip", "identity"))}
            found.setdefault(part.choice.name, set()).update(identities)
    return found


def dominant_eigenvalue(
    loss: Callable[[Sequence[Tensor]], Tensor], alphas: Sequence[Tensor], *, iterations: int = 8, seed: int = 0
) -> float:
    """The eigenvalue of largest size of the Hessian of a loss by the architecture parameters, by power iteration.

    Zela et al. (2020, section 4) saw it rise before DARTS collapses.

    Args:
        loss: scalar function of the parameters, which must give the same value when called again.
        alphas: where.
        iterations: products with the Hessian, at least 1.
        seed: of the first direction.
    """
    generator = torch.Generator().manual_seed(seed)
    a = leaves(alphas)
    slope = gradient(loss(a), a, create=True)
    vector = [torch.randn(t.shape, generator=generator).to(t) for t in a]
    value = 0.0
    for _ in range(iterations):
        length = norm(vector)
        if length == 0 or not math.isfinite(length):
            return 0.0 if length == 0 else math.nan
        vector = [v / length for v in vector]
        curved = gradient(product(slope, vector), a, retain=True)
        value = float(product(vector, curved))
        vector = curved
    return value
