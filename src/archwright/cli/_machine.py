"""What this machine offers."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path

_FEATURES = (
    "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8",
    "asimddp", "i8mm", "bf16", "sve",
)  # fmt: skip
_EXTRAS = {
    "graph": "torch_geometric", "text": "transformers", "ray": "ray", "ui": "optuna_dashboard", "peers": "pymoo",
    "postgres": "psycopg",
}  # fmt: skip


def devices() -> dict[str, str]:
    """Devices that torch can use, each with a description."""
    import torch

    found = {"cpu": f"{processor()}, {torch.get_num_threads()} threads"}
    for i in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(i)
        found[f"cuda:{i}"] = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if torch.backends.mps.is_available():
        found["mps"] = "Apple GPU"
    return found


def processor() -> str:
    """Name of the processor, as the system tells it."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def features() -> dict[str, bool]:
    """Instruction sets that decide how fast small numbers are; empty where the system does not say."""
    info = _cpuinfo()
    flags = set((info.get("flags") or info.get("Features") or "").split())
    return {name: name in flags for name in _FEATURES} if flags else {}


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def extras() -> dict[str, bool]:
    """Optional extras, and whether what they bring is installed."""
    return {name: importlib.util.find_spec(module) is not None for name, module in _EXTRAS.items()}


def _cpuinfo() -> dict[str, str]:
    """The first processor of Linux's /proc/cpuinfo; empty elsewhere."""
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return {}
    first = file.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}
