"""Search with a head start from an untrained score on the NAS-Bench-201 table (CIFAR-10): what is it worth?

Assisted evolution (AREA: pool 1000, population 64, tournament 10) against plain evolution and random search, and the
two stages of KNAS (score 300, look up the best k) against k random look-ups. Published NASWOT scores rank the pools.
The incumbent is the best by validation accuracy; its test accuracy is reported: mean and standard deviation over seeds.
`ARCHWRIGHT_DATA=... python benchmarks/screened_search.py [seeds]`; writes `benchmarks/results/screened_search.json`.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from _measuring import write

from archwright import bench
from archwright.bench import Benchmark
from archwright.search import Random, RegularizedEvolution, Strategy
from archwright.search import build as strategy
from archwright.space import Arch
from archwright.trial import Trial

EVALUATIONS = (10, 50, 100, 300)


def incumbents(table: Benchmark, search: Strategy, trials: int) -> list[float]:
    """Test accuracy of the best-validated architecture after 1, 2, ... trials."""
    found: list[float] = []
    best, test = -1.0, 0.0
    for number in range(trials):
        arch = search.ask()
        valid = table.query(arch, "valid_accuracy")
        if valid > best:
            best, test = valid, table.query(arch, "test_accuracy")
        found.append(test)
        search.tell(Trial(number=number, arch=arch, metrics={"accuracy": valid}))
    return found


def summary(runs: Sequence[Sequence[float]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over runs at some budgets."""
    rows = {}
    for n in EVALUATIONS:
        at = [run[n - 1] for run in runs]
        rows[str(n)] = {"mean": round(statistics.fmean(at), 3), "sd": round(statistics.stdev(at), 3)}
    return rows


def main(seeds: int = 100) -> int:
    """Search, print, write the record; 1 if the head start does not show at 50 evaluations."""
    table = bench.load("nasbench201", dataset="cifar10")
    scores = table.score("naswot")

    def scorer(arch: Arch) -> float:
        return float(scores[table.index(arch)])

    makers: Mapping[str, Callable[[int], Strategy]] = {
        "random": lambda seed: Random(table.space, seed=seed),
        "regularized-evolution": lambda seed: RegularizedEvolution(table.space, population=64, sample=10, seed=seed),
        "area": lambda seed: strategy("area", table.space, scorer=scorer, seed=seed),
        "screening": lambda seed: strategy("screening", table.space, scorer=scorer, seed=seed),
    }
    record = {}
    for name, make in makers.items():
        record[name] = summary([incumbents(table, make(seed), max(EVALUATIONS)) for seed in range(seeds)])
        print(name, record[name], flush=True)
    write("screened_search", {"table": repr(table), "seeds": seeds, "test_accuracy": record})
    return int(np.subtract(record["area"]["50"]["mean"], record["regularized-evolution"]["50"]["mean"]) < 0.1)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
