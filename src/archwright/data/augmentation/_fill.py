"""The value outside the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Fill = float | Sequence[float]
"""Raw value of what lies outside: one number, or one a channel."""


def fill_like(fill: Fill, x: Tensor) -> Tensor:
    """`fill` as (1, C or 1, 1, 1), of the dtype and on the device of x; rounded for integers."""
    values = torch.tensor([fill] if isinstance(fill, int | float) else list(fill), dtype=torch.float32)
    values = values if x.is_floating_point() else values.round()
    return values.to(x.dtype).to(x.device).view(1, -1, 1, 1)
