"""Networks of NAS-Bench-Graph, trained on Cora with the settings of the table, against the recorded accuracies.

    ARCHWRIGHT_DATA=... python benchmarks/graph_training.py --architectures 10 --seeds 2

Writes results/graph_training.json after every training, and takes up what is there already.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _measuring import steady_memory, write
from scipy.stats import f as f_distribution

from archwright import bench
from archwright.bench import Benchmark
from archwright.data import graphs
from archwright.estimate import TrainGraph
from archwright.space import Arch
from archwright.zoo import nasbenchgraph

RESULT = Path(__file__).parent / "results" / "graph_training.json"
TABLE_SEEDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architectures", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--draw", type=int, default=0, help="seed of the draw of architectures")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    graph, table = graphs.load("cora"), bench.load("nas-bench-graph", "cora")
    rng = np.random.default_rng(asked.draw)
    drawn = [table.space.sample(rng) for _ in range(asked.architectures)]
    runs = json.loads(RESULT.read_text())["runs"] if RESULT.is_file() else []
    done = {(run["key"], run["seed"]) for run in runs}
    for arch, seed in todo(drawn, asked.seeds):
        if (nasbenchgraph.key(arch), seed) not in done:
            runs.append(trained(arch, graph, seed))
            write("graph_training", record(runs, table, asked.draw))
    write("graph_training", record(runs, table, asked.draw))


def todo(drawn: list[Arch], seeds: int) -> Iterator[tuple[Arch, int]]:
    """Every architecture once before any a second time."""
    for seed in range(seeds):
        for arch in drawn:
            yield arch, seed


def trained(arch: Arch, graph: graphs.Graph, seed: int) -> dict[str, Any]:
    estimator = TrainGraph(lambda a: nasbenchgraph.network(a, graph), graph, trainer=nasbenchgraph.trainer("cora"))
    start, cpu = time.perf_counter(), time.process_time()
    *_, last = estimator(arch, seed=seed)
    return {
        "key": nasbenchgraph.key(arch),
        "arch": dict(arch),
        "seed": seed,
        "valid_accuracy": last.metrics["accuracy"],
        "test_accuracy": last.metrics["test_accuracy"],
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
    }


def record(runs: list[dict[str, Any]], table: Benchmark, draw: int) -> dict[str, Any]:
    """The runs, and for each architecture how far the mean lies from the recorded one in standard deviations.

    One training has the pooled standard deviation s over seeds; the difference of means over n of ours and three of the
    table's has s * sqrt(1/n + 1/3). All differences together: their mean square in those units is F-distributed if ours
    are trainings as the table's; `chance` is the probability of at least that much.
    """
    found: dict[str, Any] = {"dataset": "cora", "draw": draw}
    keys = list(dict.fromkeys(run["key"] for run in runs))
    for metric in ("valid_accuracy", "test_accuracy"):
        groups = [[run[metric] for run in runs if run["key"] == key] for key in keys]
        freedom = sum(len(group) - 1 for group in groups)
        squares = sum(((np.array(group) - np.mean(group)) ** 2).sum() for group in groups)
        deviation = math.sqrt(squares / freedom) if freedom else math.nan
        rows = []
        for key, group in zip(keys, groups, strict=True):
            recorded = table.query(nasbenchgraph.from_key(key), metric)
            off = float(np.mean(group)) - recorded
            allowed = 2 * deviation * math.sqrt(1 / len(group) + 1 / TABLE_SEEDS)
            rows.append({"key": key, "recorded": recorded, "ours": float(np.mean(group)), "off": off, "n": len(group),
                         "deviation": float(np.std(group, ddof=1)) if len(group) > 1 else None,
                         "two_deviations": allowed, "within": bool(abs(off) <= allowed)})  # fmt: skip
        squared = [(2 * row["off"] / row["two_deviations"]) ** 2 for row in rows]
        found[metric] = {
            "chance": float(f_distribution.sf(np.mean(squared), len(rows), freedom)) if freedom else math.nan,
            "deviation_over_seeds": deviation,
            "mean_difference": float(np.mean([row["off"] for row in rows])),
            "within_two_deviations": sum(row["within"] for row in rows),
            "architectures": rows,
        }
    return {**found, "runs": runs}


if __name__ == "__main__":
    steady_memory()
    main()
