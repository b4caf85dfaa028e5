"""Search strategies, ours and those of other libraries, on NAS-Bench-201 and on the problems of CASMOPOLITAN.

`ARCHWRIGHT_DATA=... python benchmarks/strategies.py OUT [jobs] [part ...]`: runs are kept in OUT, so that it can be
stopped and goes on; parts are `nasbench201`, `slow` (5 seeds), `nasbot` (4), `problems`, default all. Writes
`benchmarks/results/strategies.json`: regret by validation and test with 95 % intervals, seconds in ask and tell.
Returns 1 if a peer beats the best of ours, TW-NAS does not beat one-hot kernels, or CASMOPOLITAN does not beat TPE and
random search.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from _measuring import write

from archwright import bench
from archwright.bench import StrategyRow, evaluate_strategies

PEERS = ("optuna-tpe", "optuna-nsga2", "optuna-random", "pymoo-ga")
OURS = (
    "random",
    "regularized-evolution:population=30:sample=10",
    "local-search",
    "nsga2",
    "predictor:model=ridge",
    "kernel-density",
    "gp",
    "gp:kernel=one-hot",
    "tw-nas",
    "casmopolitan",
)
SLOW = ("string-kernel-bo", "ppo", "reinforce", "pnas")
SLOWEST = ("nasbot:size=50",)
DATASETS = ("cifar10", "cifar100", "imagenet16-120")
PROBLEMS = {"func2c": 150, "func3c": 150, "ackley53": 200}


def main(out: str, jobs: int = 1, *parts: str) -> int:
    """Run what is missing, print, write the record; 1 if a claim does not hold."""
    chosen = parts or ("nasbench201", "slow", "nasbot", "problems")
    tables = [bench.load("nasbench201", name) for name in DATASETS]
    rows: list[StrategyRow] = []
    if "nasbench201" in chosen:
        rows += _run(tables, (*OURS, *PEERS), 150, 20, 0, out, jobs)
    if "slow" in chosen:
        rows += [r for r in _run(tables, SLOW, 150, 5, 0, out, jobs) if not r.exact]
    if "nasbot" in chosen:
        rows += [r for r in _run(tables, SLOWEST, 150, 4, 0, out, jobs) if not r.exact]
    if "problems" in chosen:
        for name, budget in PROBLEMS.items():
            contestants = ("casmopolitan", "optuna-tpe", "random")
            rows += _run([bench.problem(name)], contestants, budget, 10, 20, out, jobs)
    found = [{**row.as_dict(), "seeds": len(row.seeds)} for row in rows]
    claims = _claims(found)
    about = (
        "NAS-Bench-201: 150 evaluations, regret in percentage points; problems: in their own units, 20 common starts"
    )
    print(claims, write("strategies", {"about": about, "claims": claims, "rows": found}))
    return int(not all(claims.values()))


def _run(subjects: Any, names: tuple[str, ...], budget: int, seeds: int, initial: int, out: str, jobs: int) -> Any:
    return evaluate_strategies(
        subjects,
        names,
        budget=budget,
        seeds=seeds,
        initial=initial,
        jobs=jobs,
        out=Path(out),
        progress=lambda done, total, last: print(f"\r{done}/{total} {last}", end="", flush=True),
        refused=lambda name, where, why: print(f"\n{name} on {where}: {why}"),
    )


def _claims(rows: list[dict[str, Any]]) -> dict[str, bool]:
    """What acceptance asks for, for the data sets that were run."""
    regret = {(row["dataset"], row["strategy"]): float(row["valid_regret"]) for row in rows}
    claims = {}
    for dataset in sorted({row["dataset"] for row in rows if (row["dataset"], "optuna-tpe") in regret}):
        mine = [regret[dataset, name] for name in (*OURS, *SLOW, *SLOWEST) if (dataset, name) in regret]
        peers = [regret[dataset, name] for name in PEERS if (dataset, name) in regret]
        if (dataset, "gp") in regret:
            claims[f"the best of ours beats every peer on {dataset}"] = min(mine) < min(peers)
            one_hot = regret[dataset, "gp:kernel=one-hot"]
            claims[f"TW-NAS beats one-hot kernels on {dataset}"] = regret[dataset, "tw-nas"] < one_hot
        else:
            others = [regret[dataset, name] for name in ("optuna-tpe", "random")]
            claims[f"CASMOPOLITAN beats TPE and random search on {dataset}"] = regret[dataset, "casmopolitan"] < min(
                others
            )
    return claims


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1, *sys.argv[3:]))
