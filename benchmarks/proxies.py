"""How well cheaper trainings rank networks: each reduction against the full training of the same architectures.

Random `convnet` architectures of double width on a part of Fashion-MNIST (2,000 training and 4,000 validation images of
14 x 14 pixels, 8 epochs, library defaults otherwise). Proxies have seed 0. The full training with the same seed shares
initial weights and order of samples with them, so part of its noise; that with seed 1 shares nothing. Both are targets,
and so is their mean. Frozen trunks have the weights of the untrained supernet, and those of a supernet that was trained
before, which is paid for once.

`ARCHWRIGHT_DATA=... python benchmarks/proxies.py [ROWS [COUNT]]` continues from the rows (JSON lines) and writes
`benchmarks/results/proxies.json`. About 12 minutes on one core with 24 networks.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _measuring import write

from archwright import data, zoo
from archwright.cost import params
from archwright.data import Split, Splits
from archwright.estimate import Estimator, Proxy, Train
from archwright.estimate._rank_agreement import compare
from archwright.space import Arch
from archwright.statistics import bootstrap, kendall
from archwright.supernet import Sandwich, Supernet, SupernetStep
from archwright.train import Trainer

NETWORKS, EPOCHS, TRAIN, VALID, SIDE, WIDTH = 24, 8, 2000, 4000, 14, 2.0
TRAINER = Trainer(epochs=EPOCHS, batch_size=64, precision="32", device="cpu", evaluate_every=EPOCHS)
Row = dict[str, Any]


def problem() -> tuple[Splits, Train]:
    """The data, and the full training."""
    splits = data.load("fashion-mnist", seed=0, image_size=SIDE)
    train, valid = _some(splits.train, TRAIN, 0), _some(splits.valid, VALID, 1)
    splits = dataclasses.replace(splits, train=train, valid=valid)
    return splits, Train(_net(splits), splits, trainer=TRAINER)


def _some(split: Split, count: int, seed: int) -> Split:
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    return split.subset(order[:count])


def _net(splits: Splits, *, width: float = WIDTH, blocks: int = 3) -> Supernet:
    torch.manual_seed(0)
    return zoo.build_for(splits, "convnet", width=width, blocks=blocks)


def judges(splits: Splits, full: Train) -> Iterator[tuple[str, Estimator, int, float]]:
    """Name, estimator, seed, and CPU seconds spent before the first architecture."""
    thin, shallow = _net(splits, width=WIDTH / 4), _net(splits, blocks=1)
    yield "full", full, 0, 0.0
    yield "half epochs", Proxy(full, epochs=0.5), 0, 0.0
    yield "quarter width, quarter epochs", Proxy(full, epochs=0.25, net=thin), 0, 0.0
    yield "frozen random trunk", Proxy(full, trunk="stages"), 0, 0.0
    yield "quarter epochs", Proxy(full, epochs=0.25), 0, 0.0
    yield "quarter of the samples", Proxy(full, samples=0.25), 0, 0.0
    yield "half resolution", Proxy(full, resolution=SIDE // 2), 0, 0.0
    yield "quarter width", Proxy(full, net=thin), 0, 0.0
    yield "shallower", Proxy(full, net=shallow), 0, 0.0
    start = time.process_time()
    trained = Train(_supernet(splits), splits, trainer=TRAINER)
    spent = time.process_time() - start
    yield "frozen trunk of a trained supernet", Proxy(trained, trunk="stages"), 0, spent
    yield "frozen first stage of a trained supernet", Proxy(trained, trunk="stages.0"), 0, spent
    yield "full, other seed", full, 1, 0.0


def _supernet(splits: Splits) -> Supernet:
    net = _net(splits)
    for _ in TRAINER.fit(net, splits, SupernetStep(net.space, Sandwich(random=2)), metrics=lambda _: {}):
        pass
    return net.eval()


def measured(rows_file: Path, count: int) -> list[Row]:
    """One row for each judge and architecture: the last validation accuracy and the CPU seconds."""
    splits, full = problem()
    archs, rng = dict[Arch, None](), np.random.default_rng(0)
    while len(archs) < count:
        archs[full.net.space.sample(rng)] = None
    rows = [json.loads(line) for line in rows_file.read_text().splitlines()] if rows_file.exists() else []
    done = {(row["judge"], row["key"]) for row in rows}
    for name, estimator, seed, before in judges(splits, full):
        for arch in archs:
            if (name, arch.key) not in done:
                rows.append(_row(name, estimator, arch, seed, full, before))
                with rows_file.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    return [row for row in rows if row["key"] in {arch.key for arch in archs}]


def _row(name: str, estimator: Estimator, arch: Arch, seed: int, full: Train, before: float) -> Row:
    start = time.process_time()
    *_, last = estimator(arch, seed=seed)
    return {
        "judge": name,
        "key": arch.key,
        "accuracy": last.metrics["accuracy"],
        "seconds": time.process_time() - start,
        "before": before,
        "params": params(full.net.slice(arch)),
        "operations": estimator.cost_ratio if isinstance(estimator, Proxy) else 1.0,
        "reduction": estimator.reduction if isinstance(estimator, Proxy) else {},
    }


def judged(rows: list[Row]) -> dict[str, Any]:
    """How each judge ranks, in order of the rows, and half epochs against quarter width and epochs."""
    by: dict[str, dict[str, Row]] = {}
    for row in rows:
        by.setdefault(row["judge"], {})[row["key"]] = row
    keys = list(by["full"])
    target = np.array([by["full"][key]["accuracy"] for key in keys])
    seconds = sum(by["full"][key]["seconds"] for key in keys)
    values = {"params": np.array([float(by["full"][key]["params"]) for key in keys])}
    for name, found in by.items():
        if name != "full" and len(found) == len(keys):
            values[name] = np.array([found[key]["accuracy"] for key in keys])
    targets = {"same_seed": target}
    if "full, other seed" in values:
        targets |= {"other_seed": values["full, other seed"]}
        targets["mean_of_both"] = (target + targets["other_seed"]) / 2
    table: dict[str, Any] = {}
    for name, value in values.items():
        mine = list(by.get(name, {}).values())
        table[name] = told = _costs(mine, seconds)
        for kind, against in targets.items():
            if name != "full, other seed" or kind == "same_seed":
                told[kind] = _agreement(value, against)
    return {
        "networks": len(keys),
        "target": {"mean": float(target.mean()), "deviation": float(target.std(ddof=1))},
        "seconds_of_full_training": seconds / len(keys),
        "proxies": table,
        "half_epochs_against_quarter_width_and_epochs": {k: _difference(values, t) for k, t in targets.items()},
        "rows": rows,
    }


def _costs(rows: list[Row], seconds: float) -> Row:
    """In parts of the full training of all networks; nothing for what needs no training."""
    if not rows:
        return {}
    ratio = sum(row["seconds"] for row in rows) / seconds
    return {
        "reduction": rows[0]["reduction"],
        "operations": rows[0]["operations"],
        "cost_ratio": ratio,
        "cost_ratio_with_preparation": ratio + max(row["before"] for row in rows) / seconds,
    }


def _agreement(value: np.ndarray, target: np.ndarray) -> Row:
    found = dataclasses.asdict(compare(value, target))
    return {k: found[k] for k in ("kendall", "low", "high", "spearman", "recall", "inversions")}


def _difference(values: dict[str, np.ndarray], target: np.ndarray) -> dict[str, float]:
    """Kendall of the one minus that of the other, with the interval over draws of the networks."""
    pair = [values[name] for name in ("half epochs", "quarter width, quarter epochs") if name in values]
    if len(pair) < 2:
        return {}
    low, high = bootstrap(lambda a, b, y: kendall(a, y) - kendall(b, y), *pair, target)
    return {"difference": kendall(pair[0], target) - kendall(pair[1], target), "low": low, "high": high}


def main(rows_file: str = "", count: str = str(NETWORKS)) -> None:
    torch.set_num_threads(1)
    rows = measured(Path(rows_file or os.devnull), int(count))
    record = judged(rows)
    write("proxies", record)
    for name, found in record["proxies"].items():
        told = " ".join(f"{kind} {found[kind]['kendall']:.3f}" for kind in found if kind.endswith(("seed", "both")))
        print(f"{name:42s} {told} cost {found.get('cost_ratio', 0.0):.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
