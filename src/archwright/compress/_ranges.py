"""Ranges of quantisers from weights and from calibration data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, final, get_args

import torch
from torch import Tensor

from archwright.errors import UserError, nearest

Ranges = Literal["min-max", "percentile", "mse"]
Simulate = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(values, low, high) -> the values as a quantiser of that range gives them."""
_OUTSIDE = 1e-4  # of the values, on each side, that a percentile leaves out
_SHRINK = torch.linspace(0.2, 1.0, 81)
_KEPT = 2**13  # values of a batch that a percentile or a best range is found on


def check_ranges(how: str) -> None:
    """Refuse an unknown way.

    Raises:
        UserError: not `"min-max"`, `"percentile"` or `"mse"`.
    """
    if how not in get_args(Ranges):
        raise UserError(f"unknown ranges {how!r}{nearest(how, get_args(Ranges))}")


def weight_range(weight: Tensor, how: Ranges, simulate: Simulate) -> tuple[Tensor, Tensor]:
    """Least and largest value of every output channel, (channels, 1, ...): the extremes, all but the outermost 0.01 %
    on each side, or the part of the extremes with the least squared error.

    Args:
        weight: (channels, ...).
        how: which of them.
        simulate: the quantiser.
    """
    flat = weight.detach().flatten(1)
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    if how == "percentile":
        low, high = (flat.quantile(q, 1, keepdim=True) for q in (_OUTSIDE, 1 - _OUTSIDE))
    elif how == "mse":
        low, high = _best(flat, low, high, simulate)
    shape = (-1, *[1] * (weight.ndim - 1))
    return low.reshape(shape), high.reshape(shape)


@final
class Seen:
    """What the input of one layer was like on the calibration data."""

    def __init__(self) -> None:
        self._lows: list[Tensor] = []
        self._highs: list[Tensor] = []
        self._values: list[Tensor] = []

    def add(self, x: Tensor) -> None:
        """Take note of a batch, (N, ...)."""
        flat = x.detach().float().flatten(1)
        self._lows.append(flat.amin(1))
        self._highs.append(flat.amax(1))
        row = flat.flatten()
        self._values.append(row[torch.linspace(0, len(row) - 1, min(len(row), _KEPT), device=row.device).long()])

    def range(self, how: Ranges, simulate: Simulate) -> tuple[Tensor, Tensor]:
        """Least and largest value, scalars: the extremes of every sample averaged over the samples, which clips
        outliers (Hubara et al. 2021, code); all but the outermost 0.01 %; or the part of the extremes with the least
        error."""
        low, high = torch.cat(self._lows), torch.cat(self._highs)
        if how == "min-max":
            return low.mean(), high.mean()
        values = torch.cat(self._values).sort().values
        if how == "percentile":
            return values[int(_OUTSIDE * (len(values) - 1))], values[int((1 - _OUTSIDE) * (len(values) - 1))]
        least, most = _best(values[None], low.amin().reshape(1, 1), high.amax().reshape(1, 1), simulate)
        return least.squeeze(), most.squeeze()


def _best(rows: Tensor, low: Tensor, high: Tensor, simulate: Simulate) -> tuple[Tensor, Tensor]:
    """The extremes (rows, 1) shrunk by the factor, one for each row, that gives the least squared error."""
    least, chosen = torch.full_like(low, torch.inf), torch.ones_like(low)
    for factor in _SHRINK.tolist():
        error = (simulate(rows, low * factor, high * factor) - rows).square().mean(1, keepdim=True)
        chosen = torch.where(error < least, factor, chosen)
        least = torch.minimum(error, least)
    return low * chosen, high * chosen
