"""What a measurement was taken on."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

import torch

_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx_vnni",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimddp",
    "sve",
)


def device_name(device: torch.device | None = None) -> str:
    """Model name of the processor, or of the GPU for a CUDA device."""
    if device is not None and device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device is not None and device.type != "cpu":
        return device.type
    info = _cpuinfo()
    return info.get("model name") or info.get("hardware") or platform.processor() or platform.machine()


def device_flags() -> tuple[str, ...]:
    """Instruction sets that decide about speed: those of `avx2`, `avx512_vnni`, ... that the processor has."""
    info = _cpuinfo()
    present = set((info.get("flags") or info.get("features") or "").split())
    found = tuple(flag for flag in _FLAGS if flag in present)
    return found or (str(torch.backends.cpu.get_cpu_capability()).lower(),)


@functools.cache
def _cpuinfo() -> dict[str, str]:
    """First processor of Linux's /proc/cpuinfo; empty elsewhere."""
    try:
        block = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip().lower(): text.strip() for key, _, text in pairs}
