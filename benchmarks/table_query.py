"""What a query of NAS-Bench-201 costs, beside one look-up in a dictionary, and what the table takes of memory.

A query must take less than 2 microseconds and the table less than 50 MB. Run alone:
`ARCHWRIGHT_DATA=... python benchmarks/table_query.py`; writes `benchmarks/results/table_query.json`.
"""

from __future__ import annotations

import sys
import time
import timeit
import tracemalloc
from collections.abc import Callable

import numpy as np
from _measuring import write

from archwright import bench
from archwright.space import Arch

LIMIT_US, LIMIT_MB = 2.0, 50.0
ARCHITECTURES, ROUNDS = 100, 4000


def main() -> int:
    """Measure, print, write the record; 1 if a limit is broken."""
    bench.load("nasbench201")  # imports
    start = time.perf_counter()
    table = bench.load("nasbench201")
    load_ms = 1e3 * (time.perf_counter() - start)
    megabytes = memory()
    arches = [table.space.sample(np.random.default_rng(seed)) for seed in range(ARCHITECTURES)]
    known = {arch: table.query(arch, "valid_accuracy") for arch in arches}
    fresh = [Arch(dict(arch)) for arch in arches]  # as a search makes them: their hash is not known yet
    floor, query = in_turn(
        lambda: [known[a] for a in arches], lambda: [table.query(a, "valid_accuracy") for a in fresh]
    )
    print(
        f"query {query:.3f} us, dictionary {floor:.3f} us: {query / floor:.1f}x; "
        f"{megabytes:.1f} MB; load {load_ms:.0f} ms"
    )
    record = {
        "limit_us": LIMIT_US,
        "limit_mb": LIMIT_MB,
        "query_us": query,
        "dictionary_us": floor,
        "ratio": query / floor,
        "megabytes": megabytes,
        "load_ms": load_ms,
    }
    print(f"written to {write('table_query', record)}")
    return int(query > LIMIT_US or megabytes > LIMIT_MB)


def in_turn(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Microseconds of one of the look-ups of each: the first decile of many short rounds taken in turn.

    A round is shorter than a time slice, so that most of them are not interrupted on a busy machine.
    """
    times = [(timeit.timeit(first, number=1), timeit.timeit(second, number=1)) for _ in range(ROUNDS)]
    floor, query = 1e6 / ARCHITECTURES * np.quantile(times, 0.1, axis=0)
    return float(floor), float(query)


def memory() -> float:
    """Megabytes that a loaded table holds, columns of hardware and published scores included."""
    tracemalloc.start()
    table = bench.load("nasbench201")
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table)
    return held / 1e6


if __name__ == "__main__":
    sys.exit(main())
