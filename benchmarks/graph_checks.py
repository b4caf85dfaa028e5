"""Graph networks on Cora against published accuracies, and shared weights of a graph supernet against the table.

    ARCHWRIGHT_DATA=... python benchmarks/graph_checks.py [ROWS]

- `gcn`: two layers of 16 units (Kipf and Welling 2017: 81.5 %), ten seeds, test accuracy at the epoch of the smallest
  validation loss.
- `graphnas`: the token list that GraphNAS released for Cora, likewise; `graphnas-first`: with dropped attention and a
  residual, as in the release that has this list.
- `chain`: skip, skip, gcn, gcn of NAS-Bench-Graph against its entry, three seeds, epoch of the best validation
  accuracy.
- `one-shot`: shared weights of NAS-Bench-Graph after 500 steps on single paths, 200 random networks,
  against the table.

Continues from the rows (JSON lines) and writes results/graph_checks.json.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _measuring import steady_memory, write
from torch import Tensor, nn

from archwright import bench
from archwright.data import graphs
from archwright.estimate import SharedGraphWeights, TrainGraph
from archwright.space import Arch
from archwright.statistics import bootstrap, kendall
from archwright.supernet import SupernetStep, Uniform
from archwright.train import GraphTrainer
from archwright.zoo import graphnas, nasbenchgraph
from archwright.zoo.graph import GCN, Dropout, Neighbours

TOKENS = {
    "attention0": "const", "aggregator0": "sum", "activation0": "relu6", "heads0": 2, "hidden0": 128,
    "attention1": "gat", "aggregator1": "sum", "activation1": "linear", "heads1": 2,
}  # fmt: skip
NETWORKS, STEPS = 200, 500
Row = dict[str, Any]


class TwoLayers(nn.Module):
    """The network of Kipf and Welling."""

    def __init__(self, graph: graphs.Graph) -> None:
        super().__init__()
        neighbours = Neighbours(graph.edge_index, graph.nodes)
        self.drop = Dropout(0.5)
        self.first, self.second = GCN(graph.features, 16, neighbours), GCN(16, graph.classes, neighbours)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.drop(self.first(self.drop(x)).relu()))


def jobs() -> Iterator[tuple[str, int, Callable[[], Row]]]:
    """Name, seed, and what is measured, cheap ones first."""
    plain, scaled = graphs.load("cora"), graphs.load("cora", normalise=True)
    kipf = TrainGraph(lambda _: TwoLayers(scaled), scaled, trainer=GraphTrainer(epochs=200, select="loss"))
    released = TrainGraph(lambda a: graphnas.network(a, scaled), scaled, trainer=graphnas.trainer())
    first = TrainGraph(
        lambda a: graphnas.network(a, scaled, attention_dropout=0.6, residual=True), scaled, trainer=graphnas.trainer()
    )
    recorded = TrainGraph(lambda a: nasbenchgraph.network(a, plain), plain, trainer=nasbenchgraph.trainer("cora"))
    chain = nasbenchgraph.architecture((0, 1, 2, 3), ("skip", "skip", "gcn", "gcn"))
    for name, estimator, arch, seeds in (
        ("gcn", kipf, Arch({"units": 16}), 10), ("chain", recorded, chain, 3), ("graphnas", released, Arch(TOKENS), 10),
        ("graphnas-first", first, Arch(TOKENS), 10),
    ):  # fmt: skip
        for seed in range(seeds):
            yield name, seed, lambda estimator=estimator, arch=arch, seed=seed: _last(estimator, arch, seed)
            if (name, seed) == ("chain", 2):
                yield "one-shot", 0, lambda: one_shot(plain)


def _last(estimator: TrainGraph, arch: Arch, seed: int) -> Row:
    *_, last = estimator(arch, seed=seed)
    return dict(last.metrics)


def one_shot(graph: graphs.Graph) -> Row:
    """Scores of random networks with shared weights, and the recorded accuracies of the same."""
    torch.manual_seed(0)
    net, table, start = nasbenchgraph.supernet(graph), bench.load("nas-bench-graph", "cora"), time.process_time()
    step = SupernetStep(net.space, Uniform(), distil=False)
    for _ in GraphTrainer(epochs=STEPS, lr=0.005, weight_decay=5e-4).fit(net, graph, step=step, metrics=lambda _: {}):
        pass
    trained, rng, judge = time.process_time(), np.random.default_rng(1), SharedGraphWeights(net, graph)
    archs = [net.space.sample(rng) for _ in range(NETWORKS)]
    scores = [report.metrics["accuracy"] for arch in archs for report in judge(arch)]
    truth = [table.query(arch, "valid_accuracy") for arch in archs]
    params = [nasbenchgraph.parameters(arch, "cora") for arch in archs]
    low, high = bootstrap(kendall, scores, truth)
    return {
        "supernet_seconds": trained - start,
        "score_seconds": (time.process_time() - trained) / NETWORKS,
        "kendall": kendall(scores, truth),
        "low": low,
        "high": high,
        "kendall_of_params": kendall(params, truth),
        "recorded_of_best_score": truth[int(np.argmax(scores))],
        "recorded_mean": float(np.mean(truth)),
        "scores": scores,
        "recorded": truth,
    }


def summary(rows: list[Row]) -> Row:
    """Mean and deviation of every test, and the recorded value of the chain."""
    told: Row = {}
    for name in ("gcn", "graphnas", "graphnas-first", "chain"):
        values = [row["test_accuracy"] for row in rows if row["name"] == name]
        if values:
            told[name] = {"mean": float(np.mean(values)), "deviation": float(np.std(values, ddof=1)) if len(values) > 1
                          else None, "seeds": len(values)}  # fmt: skip
    if "chain" in told:
        arch = nasbenchgraph.architecture((0, 1, 2, 3), ("skip", "skip", "gcn", "gcn"))
        told["chain"]["recorded"] = bench.load("nas-bench-graph", "cora").query(arch, "test_accuracy")
    return told


def main(rows_file: str = os.devnull) -> None:
    torch.set_num_threads(1)
    path = Path(rows_file)
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(row["name"], row["seed"]) for row in rows}
    for name, seed, measure in jobs():
        if (name, seed) in done:
            continue
        start = time.process_time()
        rows.append({"name": name, "seed": seed, **measure(), "seconds": time.process_time() - start})
        with path.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
        write("graph_checks", {"summary": summary(rows), "rows": rows})


if __name__ == "__main__":
    steady_memory()
    main(*sys.argv[1:])
