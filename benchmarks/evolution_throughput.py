"""Trials a second of regularised evolution on a table, 1000 trials, against Optuna's NSGA-II, both in memory.

The table is NAS-Bench-201 (validation accuracy on CIFAR-10) where `ARCHWRIGHT_DATA` has it, else random numbers for 5^6
architectures. The limit is a ratio of 20. Run alone: `python benchmarks/evolution_throughput.py`; writes
`benchmarks/results/evolution_throughput.json`.
"""

from __future__ import annotations

import datetime
import itertools
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import optuna

from archwright.search import RegularizedEvolution
from archwright.space import Arch, Choice, Space
from archwright.study import Study
from archwright.versions import versions

TRIALS = 1000
ROUNDS = 7
LIMIT = 20.0

Table = dict[tuple[str, ...], float]


def table() -> tuple[str, Table]:
    """Name and content of the table: six operations to accuracy."""
    file = Path(os.environ.get("ARCHWRIGHT_DATA", "")) / "nas" / "nasbench201.npz"
    if "ARCHWRIGHT_DATA" in os.environ and file.exists():
        data = np.load(file)
        cells = data["op_names"][data["ops"]].tolist()
        return "nasbench201", dict(zip(map(tuple, cells), data["c10_val"].tolist(), strict=True))
    cells = itertools.product("abcde", repeat=6)
    return "synthetic", dict(zip(cells, np.random.default_rng(0).random(5**6).tolist(), strict=True))


def ours(known: Table, seed: int) -> tuple[float, float]:
    """Trials a second and best accuracy of our study."""
    space = Space([Choice(f"edge{i}", sorted({cell[i] for cell in known})) for i in range(6)])

    def estimate(arch: Arch) -> dict[str, float]:
        return {"accuracy": known[tuple(arch.values())]}

    study = Study(space, RegularizedEvolution(space, seed=seed), estimate)
    start = time.perf_counter()
    study.run(trials=TRIALS)
    return TRIALS / (time.perf_counter() - start), study.best.metrics["accuracy"]


def theirs(known: Table, seed: int) -> tuple[float, float]:
    """Trials a second and best accuracy of Optuna's NSGA-II."""
    options = [sorted({cell[i] for cell in known}) for i in range(6)]

    def objective(trial: optuna.Trial) -> float:
        return known[tuple(trial.suggest_categorical(f"edge{i}", options[i]) for i in range(6))]

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.NSGAIISampler(seed=seed))
    start = time.perf_counter()
    study.optimize(objective, n_trials=TRIALS)
    return TRIALS / (time.perf_counter() - start), study.best_value


def main() -> int:
    """Measure in turn, print, write the record; 1 if the limit is broken."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name, known = table()
    ours(known, 0), theirs(known, 0)  # imports and caches
    rounds = [(ours(known, seed), theirs(known, seed)) for seed in range(ROUNDS)]
    ratio = statistics.median(a / b for (a, _), (b, _) in rounds)
    record = {
        "ratio": ratio,
        "limit": LIMIT,
        "table": name,
        "trials": TRIALS,
        "rounds": ROUNDS,
        "trials_per_second": {
            "archwright regularized-evolution": statistics.median(a for (a, _), _ in rounds),
            "optuna NSGAIISampler": statistics.median(b for _, (b, _) in rounds),
        },
        "mean_best": {
            "archwright regularized-evolution": statistics.mean(a for (_, a), _ in rounds),
            "optuna NSGAIISampler": statistics.mean(b for _, (_, b) in rounds),
        },
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "versions": versions(),
    }
    target = Path(__file__).parent / "results" / "evolution_throughput.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for who, value in record["trials_per_second"].items():
        print(f"{value:8.0f} trials/s  {who}, best {record['mean_best'][who]:.4f}")
    print(f"ratio {ratio:.1f}, limit {LIMIT:.0f}, table {name}; written to {target}")
    return int(ratio < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
