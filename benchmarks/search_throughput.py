"""Proposals a second, `ask` and `tell` with a look-up in between, of the strategies that keep no model.

The space is the cell of NAS-Bench-201 with random numbers for its 15 625 architectures; 2000 trials. The limit is
10 000 a second for each. Run alone: `python benchmarks/search_throughput.py`; writes
`benchmarks/results/search_throughput.json`.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time

import numpy as np
from _measuring import write

from archwright.search import build
from archwright.space import Arch, Choice, Space
from archwright.trial import Trial

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ("edge01", "edge02", "edge12", "edge03", "edge13", "edge23")
STRATEGIES = ("random", "regularized-evolution", "local-search")
TRIALS = 2000
ROUNDS = 7
LIMIT = 10_000.0


def rate(name: str, seed: int) -> float:
    """Proposals a second; the evaluation is not counted."""
    cells = itertools.product(OPERATIONS, repeat=len(EDGES))
    known = dict(zip(cells, np.random.default_rng(0).random(5**6).tolist(), strict=True))
    strategy = build(name, Space([Choice(edge, OPERATIONS) for edge in EDGES]), seed=seed)
    spent = 0.0
    for number in range(TRIALS):
        start = time.perf_counter()
        arch = strategy.ask()
        spent += time.perf_counter() - start
        assert isinstance(arch, Arch)
        trial = Trial(number=number, arch=arch, metrics={"accuracy": known[tuple(arch.values())]})
        start = time.perf_counter()
        strategy.tell(trial)
        spent += time.perf_counter() - start
    return TRIALS / spent


def main() -> int:
    """Measure in turn, print, write the record; 1 if the limit is broken."""
    rounds = [{name: rate(name, seed) for name in STRATEGIES} for seed in range(ROUNDS + 1)][1:]
    rates = {name: statistics.median(r[name] for r in rounds) for name in STRATEGIES}
    target = write(
        "search_throughput", {"proposals_per_second": rates, "limit": LIMIT, "trials": TRIALS, "rounds": ROUNDS}
    )
    for name, value in rates.items():
        print(f"{value:8.0f} proposals/s  {name}")
    print(f"limit {LIMIT:.0f}; written to {target}")
    return int(min(rates.values()) < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
