"""Architectures a second from `Space.sample` and `Space.mutate`, for a space of 20 variables.

The limit is 30 000 a second each. Run alone: `python benchmarks/space_speed.py`; writes
`benchmarks/results/space_speed.json`. A space with conditions, of as many variables, is recorded beside it.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from _measuring import write

from archwright.space import Arch, Choice, Ordinal, Space

LIMIT = 30_000
CALLS = 5_000
ROUNDS = 9
VARIABLES = [
    *(Choice(f"operation{i}", ("conv3", "conv5", "pool", "skip")) for i in range(10)),
    *(Ordinal(f"width{i}", (8, 16, 24, 32)) for i in range(10)),
]
SPACES = {
    "flat": Space(VARIABLES),
    "conditional": Space(VARIABLES, when={f"width{i}": {f"operation{i}": ["conv3", "conv5"]} for i in range(10)}),
}


def rates(space: Space) -> dict[str, float]:
    """Of both operations."""
    rng = np.random.default_rng(0)
    arch = space.sample(rng)
    return {"sample": rate(lambda: space.sample(rng)), "mutate": rate(lambda: space.mutate(arch, rng))}


def rate(function: Callable[[], Arch]) -> float:
    """Calls a second, median of several rounds."""
    seen = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            function()
        seen.append(CALLS / (time.perf_counter() - start))
    return statistics.median(seen)


def main() -> int:
    """Measure, print, write the record; 1 if the limit is broken."""
    found = {name: rates(space) for name, space in SPACES.items()}
    for name, row in found.items():
        print(f"{name:12} sample {row['sample']:10,.0f}/s  mutate {row['mutate']:10,.0f}/s")
    target = write("space_speed", {"limit": LIMIT, "variables": len(VARIABLES), "per_second": found})
    print(f"limit {LIMIT:,}/s for the flat space; written to {target}")
    return int(min(found["flat"].values()) < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
