"""Which rectifiers of a network are on for which image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from archwright.errors import UserError
from archwright.estimate.zerocost._probe import Replacing

RECTIFIERS: tuple[Callable[..., Any], ...] = (
    F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu6, F.leaky_relu, torch.prelu, Tensor.prelu,
    F.rrelu, torch.rrelu,
)  # fmt: skip
"""Piecewise linear with the one break at zero that a code marks. Layers such as `nn.ReLU` call these too."""
SMOOTH: tuple[Callable[..., Any], ...] = (F.gelu, F.silu, F.mish, F.elu, F.selu, F.celu, F.softplus, F.hardswish)
"""Their sign is an extension of the method."""

Heard = Callable[[int, Tensor], Tensor | None]


def listening(heard: Heard, *, smooth: bool) -> Replacing:
    """A mode in which every rectifier first tells its number in the order of calls and its input.

    Args:
        heard: told (number, input); returns what the rectifier shall give, or None for what it always gives.
        smooth: listen to smooth activations too.
    """
    count = 0

    def replaced(function: Callable[..., Any]) -> Callable[..., Any]:
        def rectify(z: Tensor, *args: Any, **kwargs: Any) -> Any:
            nonlocal count
            given = heard(count, z)
            count += 1
            return function(z, *args, **kwargs) if given is None else given

        return rectify

    table = {f: replaced(f) for f in (*RECTIFIERS, *(SMOOTH if smooth else ()))}

    def clip(z: Tensor, low: float = -1.0, high: float = 1.0, inplace: bool = False, **named: float) -> Any:
        bounds = (named.get("min_val", low), named.get("max_val", high), inplace)
        return (rectified if bounds[0] == 0 else F.hardtanh)(z, *bounds)  # `nn.ReLU6` is a hardtanh from 0 to 6

    rectified = replaced(F.hardtanh)
    return Replacing({**table, F.hardtanh: clip})


def agreement(z: Tensor, samples: int) -> np.ndarray:
    """How many units of one layer two images agree in, int64 (N, N): K of the layer.

    Args:
        z: inputs of its rectifiers, (N, ...).
        samples: N.

    Raises:
        UserError: the first axis is not the batch.
    """
    if len(z) != samples:
        raise UserError(f"an activation of shape {tuple(z.shape)} does not keep the {samples} images apart")
    if z.ndim == 4 and z.is_contiguous(memory_format=torch.channels_last):
        z = z.permute(0, 2, 3, 1)  # as it lies in memory; the order of units does not matter
    on = (z > 0).reshape(samples, -1)
    return by_bits(on.numpy()) if on.device.type == "cpu" else by_product(on)


def by_bits(on: np.ndarray) -> np.ndarray:
    """Agreement from packed codes: exclusive or, then count the bits. On a CPU four times faster than the product."""
    samples, units = on.shape
    packed = np.packbits(on, axis=1)
    packed = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view(np.uint64)
    k = np.empty((samples, samples), dtype=np.int64)
    for i in range(samples):
        differ = np.bitwise_count(packed[i] ^ packed[i:]).sum(1, dtype=np.int64)
        k[i, i:] = k[i:, i] = units - differ
    return k


def by_product(on: Tensor, most: int = 2**22) -> np.ndarray:
    """Agreement from c c^T + (1 - c)(1 - c)^T = n - r 1^T - 1 r^T + 2 c c^T with r the row sums of c.

    Args:
        on: codes, bool (N, units).
        most: units a product; float32 counts them exactly up to 2^24.
    """
    k = torch.zeros(len(on), len(on), dtype=torch.float64, device=on.device)
    for start in range(0, on.shape[1], most):
        c = on[:, start : start + most].float()
        rows = c.sum(1).double()
        k += c.shape[1] - rows[:, None] - rows[None] + 2 * (c @ c.T).double()
    return k.round().long().cpu().numpy()
