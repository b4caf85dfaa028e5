"""Where and in which number format to train: plain rules, no timing, so that the same machine always answers the
same."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn

from archwright.errors import UserError

Precision = Literal["auto", "32", "bf16", "16"]
FixedPrecision = Literal["32", "bf16", "16"]

_DTYPE = {"bf16": torch.bfloat16, "16": torch.float16}


def available_devices() -> list[str]:
    """Kinds of device this process can use, the preferred first."""
    cuda = ["cuda"] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def resolve_device(name: str) -> torch.device:
    """`"auto"` (CUDA, then MPS, then CPU), or a torch device such as `"cpu"`, `"cuda"`, `"cuda:1"`.

    Raises:
        UserError: not a device, or not available here.
    """
    allowed = available_devices()
    if name == "auto":
        return torch.device(allowed[0])
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in allowed:
        raise UserError(f"device {name!r} is not available here. Allowed: auto, {', '.join(allowed)}")
    return device


def resolve_precision(precision: Precision, device: torch.device, module: nn.Module) -> FixedPrecision:
    """The number format that `"auto"` stands for, and a check of an explicit one.

    CUDA: bfloat16 autocast if the device supports it, else float32 (float16 with its loss scaler only if asked for).
    CPU: bfloat16 autocast only where the processor has bfloat16 instructions (AVX512-BF16, AMX) **and** every weight
    of four dimensions belongs to an undivided `nn.Conv2d` (groups = 1). Anything else: float32.

    Measured on 2 AMD EPYC cores with AVX512-BF16, torch 2.14, forward + backward + SGD, channels last, one thread:
    plain three-layer CNN on 8x8 9.4 -> 5.7 ms, ResNet-14 on 32x32 144 -> 81 ms; but inverted residuals (depthwise) on
    8x8 20.0 -> 36.5 ms, on 28x28 with 5x5 kernels 264 -> 372 ms; a small perceptron 0.4 -> 0.6 ms.

    Raises:
        UserError: float16 on a device without float16 autocast.
    """
    if precision == "16" and device.type != "cuda":
        raise UserError(f"precision '16' needs a CUDA device, got {device.type!r}. Allowed there: auto, 32, bf16")
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "32"
    if device.type == "cpu" and _bf16_instructions() and _plain_convolutions(module):
        return "bf16"
    return "32"


def _bf16_instructions() -> bool:
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _plain_convolutions(module: nn.Module) -> bool:
    convolutions = [m for m in module.modules() if isinstance(m, nn.Conv2d)]
    plain = {id(m.weight) for m in convolutions if m.groups == 1}
    weights = [id(p) for p in module.parameters() if p.ndim == 4]
    return bool(weights) and all(w in plain for w in weights)


def autocast(device: torch.device, precision: FixedPrecision) -> AbstractContextManager[Any]:
    """Autocast without its weight cache.

    With it, in torch before pull request 165068 (2.14 is right either way), a weight first cast under `no_grad` for a
    teacher's pass would be reused, without its gradient, by the pass that is to be trained.
    """
    if precision == "32":
        return nullcontext()
    return torch.autocast(device.type, dtype=_DTYPE[precision], cache_enabled=False)


def memory_format(flag: bool | Literal["auto"], dimensions: int) -> torch.memory_format:
    """Layout of images and convolution weights; `"auto"` is channels last for 4-D input (1.1 to 2.2 times faster in
    float32 on the networks listed at `resolve_precision`)."""
    wanted = dimensions == 4 and flag in (True, "auto")
    return torch.channels_last if wanted else torch.contiguous_format


def arranged(x: Tensor, layout: torch.memory_format) -> Tensor:
    """`x` in `layout`."""
    return x.contiguous(memory_format=layout)
