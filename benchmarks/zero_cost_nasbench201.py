"""Zero-cost scores of random NAS-Bench-201 cells on CIFAR-10 images against the accuracies of the table.

`ARCHWRIGHT_DATA=... python benchmarks/zero_cost_nasbench201.py CHECKPOINT [cells] [every] [minutes]`: NASWOT and
SynFlow of `cells` random cells, the other scores of each `every`-th of them, as many as the minutes of processor time
allow; the checkpoint, one line a cell, continues. Writes `benchmarks/results/zero_cost_nasbench201.json`: rank
correlations with the test accuracy beside the published ones, 95 % bootstrap intervals, and on the same cells the
published tables of scores.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _measuring import write
from scipy import stats

from archwright import data, zoo
from archwright.estimate import SCORES, vote
from archwright.space import Arch

SEED, BATCH = 0, {"naswot": 128, "knas": 32}
MANY = ("naswot", "synflow", "params", "flops")
FEW = ("jacov", "epe-nas", "grad-norm", "snip", "fisher", "grasp", "knas", "zen", "l2-norm", "synflow-bn")
PUBLISHED = {  # absolute Spearman with the test accuracy, all cells (release of Abdelfattah et al.), signs as there
    "grad-norm": 0.594, "snip": 0.596, "grasp": 0.514, "fisher": 0.360, "synflow": 0.737, "jacov": 0.731,
}  # fmt: skip
COLUMNS = {"naswot": "c10_naswot", "synflow": "c10_synflow", "zen": "c10_zen"}
SUITE = {n: n.replace("-", "_") for n in FEW} | {"jacov": "jacov", "naswot": "nwot", "synflow": "synflow"}


def batches() -> tuple[torch.Tensor, torch.Tensor]:
    """One batch of 128 training images, without augmentation."""
    splits = data.load("cifar10")
    order = torch.randperm(len(splits.train), generator=torch.Generator().manual_seed(SEED))[:128]
    return next(iter(splits.train.subset(order).batches(128)))


def measure(checkpoint: Path, cells: int, every: int, minutes: float) -> None:
    """Score cell after cell; what the checkpoint has is not done again."""
    table = np.load(Path(os.environ["ARCHWRIGHT_DATA"]) / "nas/nasbench201.npz")
    chosen = np.random.default_rng(SEED).permutation(len(table["ops"]))[:cells]
    known = _rows(checkpoint)
    net, (x, y) = zoo.build("nasbench201", in_channels=3, classes=10, image_size=32), batches()
    scores = {name: SCORES.load(name)() for name in (*MANY, *FEW)}
    started = time.process_time()
    with checkpoint.open("a") as stream:
        for number in range(cells):
            if time.process_time() - started > 60 * minutes:
                return
            index = int(chosen[number])
            wanted = [*MANY, *(FEW if number % every == 0 else ())]
            wanted = [name for name in wanted if name not in known.get(index, {})]
            if not wanted:
                continue
            names = [str(table["op_names"][k]) for k in table["ops"][index]]
            arch = Arch({f"edge{i}{j}": name for (i, j), name in zip(table["edges"], names)})
            torch.manual_seed(SEED)
            network = net.slice(arch, fresh=True)
            row: dict[str, float] = {"index": index}
            for name in wanted:
                size = BATCH.get(name, 32)
                start = time.process_time()
                try:
                    row[name] = scores[name](network, x[:size], y[:size], seed=SEED)
                except ValueError:  # not a number
                    row[name] = float("nan")
                row[f"{name}:cpu"] = time.process_time() - start
            stream.write(json.dumps(row) + "\n")
            stream.flush()


def _rows(checkpoint: Path) -> dict[int, dict[str, float]]:
    """What is known of every cell."""
    rows: dict[int, dict[str, float]] = {}
    for line in checkpoint.read_text().splitlines() if checkpoint.is_file() else []:
        row = json.loads(line)
        rows.setdefault(int(row["index"]), {}).update(row)
    return rows


def agreement(scores: np.ndarray, accuracy: np.ndarray, draws: int = 1000) -> dict[str, float]:
    """Rank correlations with 95 % bootstrap intervals; a score that is no number ranks last."""
    finite = np.where(np.isfinite(scores), scores, -1e30)
    rng = np.random.default_rng(0)
    rho, tau = stats.spearmanr(finite, accuracy)[0], stats.kendalltau(finite, accuracy)[0]
    some = [rng.integers(len(finite), size=len(finite)) for _ in range(draws)]
    spread = {
        "spearman": np.percentile([stats.spearmanr(finite[i], accuracy[i])[0] for i in some], [2.5, 97.5]),
        "kendall": np.percentile([stats.kendalltau(finite[i], accuracy[i])[0] for i in some], [2.5, 97.5]),
    }
    low_high = {f"{kind}_{end}": float(v) for kind, ends in spread.items() for end, v in zip(("low", "high"), ends)}
    return {"spearman": float(rho), "kendall": float(tau), **low_high, "degenerate": int((~np.isfinite(scores)).sum())}


def report(checkpoint: Path) -> Path:
    """The record from the checkpoint."""
    folder = Path(os.environ["ARCHWRIGHT_DATA"]) / "nas"
    table, known = np.load(folder / "nasbench201.npz"), np.load(folder / "nasbench201_zerocost.npz")
    rows = list(_rows(checkpoint).values())
    found = []
    for name in (*MANY, *FEW):
        mine = [r for r in rows if name in r]
        at = np.array([r["index"] for r in mine])
        accuracy, values = table["c10_test"][at], np.array([r[name] for r in mine])
        entry = {"score": name, "networks": len(mine), "batch": BATCH.get(name, 32), **agreement(values, accuracy)}
        entry["cpu_seconds"] = float(np.median([r[f"{name}:cpu"] for r in mine if f"{name}:cpu" in r] or [np.nan]))
        entry["published_spearman_all_cells"] = PUBLISHED.get(name)
        if name in COLUMNS:
            theirs = known[COLUMNS[name]].astype(np.float64)
            entry["table_spearman_same_cells"] = agreement(theirs[at], accuracy, 1)["spearman"]
            entry["table_kendall_same_cells"] = agreement(theirs[at], accuracy, 1)["kendall"]
            whole = agreement(theirs, table["c10_test"].astype(np.float64), 1)
            entry |= {"table_spearman_all_cells": whole["spearman"], "table_kendall_all_cells": whole["kendall"]}
            entry["spearman_with_table"] = agreement(values, np.nan_to_num(theirs[at], neginf=-1e30), 1)["spearman"]
        column = (
            list(known["sub_proxy_names"]).index(SUITE[name]) if SUITE.get(name) in known["sub_proxy_names"] else None
        )
        if column is not None:
            theirs = known["c10_sub_proxies"][:, column]
            has = ~np.isnan(theirs)
            suite = agreement(theirs[has], table["c10_test"][known["c10_sub_idx"][has]])
            entry |= {f"suite_{k}": v for k, v in suite.items() if k.startswith("spearman")}
        found.append(entry)
    three = [r for r in rows if "snip" in r]
    if three:
        wins = vote([[r[n] for r in three] for n in ("synflow", "jacov", "snip")])
        accuracy = table["c10_test"][[r["index"] for r in three]]
        found.append({"score": "vote", "networks": len(three), **agreement(wins, accuracy)})
    about = "random cells without repetition, seed 0; accuracy c10_test of the table; images not augmented"
    record = {"about": about, "threads": 1, "rows": found, "knas_protocol": protocol(rows, table)}
    return write("zero_cost_nasbench201", record)


def protocol(rows: list[dict[str, float]], table: Any, candidates: int = 300, runs: int = 500) -> dict[str, Any]:
    """KNAS's two stages on the table: of 300 random cells the best k by score are looked up, and of them the best by
    validation accuracy answers; beside k random ones."""
    mine = [r for r in rows if "knas" in r]
    at, scores = np.array([int(r["index"]) for r in mine]), np.array([r["knas"] for r in mine])
    valid, test = table["c10_val"][at], table["c10_test"][at]
    rng, found = np.random.default_rng(SEED), {}
    for k in (10, 20, 40):
        answers: dict[str, list[float]] = {"knas": [], "random": []}
        for _ in range(runs):
            some = rng.choice(len(at), min(candidates, len(at)), replace=False)
            best = some[np.argsort(-np.nan_to_num(scores[some], nan=-np.inf), kind="stable")[:k]]
            for name, chosen in (("knas", best), ("random", some[:k])):
                answers[name].append(float(test[chosen[valid[chosen].argmax()]]))
        found[f"k={k}"] = {name: {"mean": np.mean(a), "sd": np.std(a)} for name, a in answers.items()}
    return {"cells": len(at), "candidates": candidates, "runs": runs, "published_k=40": 93.43, **found}


if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(sys.argv[1])
    cells, every, minutes = (int(word) for word in (sys.argv[2:] + ["1000", "4", "25"][len(sys.argv) - 2 :])[:3])
    measure(place, cells, every, minutes)
    print(report(place))
