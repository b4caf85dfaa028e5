"""What the scripts share: two functions timed in turn, rows that survive, and the record they leave."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from archwright.versions import versions

MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**34), "MALLOC_TOP_PAD_": str(2**28)}


def steady_memory() -> None:
    """Start this script again with settings of glibc under which freed memory stays with the process.

    Otherwise page faults of large activations, which depend on the order of allocations, take a third of a forward pass
    and hide the difference that is to be measured.
    """
    if not MALLOC.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **MALLOC})


def in_turn(
    first: Callable[[], object],
    second: Callable[[], object],
    rounds: int,
    between: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """Median milliseconds of both and the median of their ratio, pair by pair, in the order ABBA: drift cancels.

    `between` is called before each, outside the time.
    """
    first(), second()
    a: list[float] = []
    b: list[float] = []
    for n in range(rounds):
        for function, times in ((first, a), (second, b))[:: 1 if n % 2 == 0 else -1]:
            between()
            start = time.perf_counter()
            function()
            times.append(1e3 * (time.perf_counter() - start))
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    return {"first_ms": statistics.median(a), "second_ms": statistics.median(b), "ratio": statistics.median(ratios)}


class Rows:
    """Measurements kept as lines of JSON, so that a script can be stopped and goes on.

    Args:
        place: file, made with the first row.
        minutes: after which `missing` says no.
    """

    def __init__(self, place: Path, minutes: float = float("inf")) -> None:
        self.place, self._ends = place, time.perf_counter() + 60 * minutes
        self.rows: list[dict[str, Any]] = []
        self.read()

    def read(self) -> None:
        """Take in what the file has, of other processes, too."""
        if self.place.is_file():
            self.rows = [json.loads(line) for line in self.place.read_text().splitlines()]

    def missing(self, **key: object) -> bool:
        """Whether no row has these values, and there is time for one."""
        known = any(all(row.get(name) == value for name, value in key.items()) for row in self.rows)
        return not known and time.perf_counter() < self._ends

    def keep(self, row: dict[str, Any]) -> None:
        """Append a row."""
        self.rows.append(row)
        with self.place.open("a") as stream:
            stream.write(json.dumps(row) + "\n")


def write(name: str, record: Mapping[str, Any]) -> Path:
    """`results/<name>.json`: the record with machine, date and versions."""
    about = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
    }
    target = Path(__file__).parent / "results" / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({**record, **about}, indent=2) + "\n", encoding="utf-8")
    return target
