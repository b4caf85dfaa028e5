"""How much memory there is to use."""

from __future__ import annotations

import os
from pathlib import Path

_UNKNOWN = 8 * 2**30


def available_memory() -> int:
    """Bytes that can be taken without swapping: the least of what the system and its control group report.

    8 GiB where neither reports anything.
    """
    return min((b for b in (_system(), _control_group()) if b is not None), default=_UNKNOWN)


def _system() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, OSError, ValueError):
        return None


def _control_group(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    try:
        limit = int((folder / "memory.max").read_text())
        return max(0, limit - int((folder / "memory.current").read_text()))
    except (OSError, ValueError):
        return None
