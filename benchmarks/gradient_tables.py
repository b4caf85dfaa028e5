"""Architectures that the gradient systems find, looked up in published tables of trained networks.

`ARCHWRIGHT_DATA=... python benchmarks/gradient_tables.py ROWS [minutes] [table ...]`: every system with three seeds on
small supernets and images, some also for three times as long; the learning rate of the architecture is at least 0.01,
as there are a thirtieth of the published steps. Beside them random search for DARTS's processor time: random networks
learn from the same half of the images for as many epochs, the best on the other half is the answer.

Rows are appended to ROWS, so that it can be stopped and goes on. Tables: `nasbench201` (4000 images of CIFAR-10 at
16 x 16, C = 8, one cell a stage, 20 epochs), and where present `conv-macro` (1500 images of CIFAR-10 at 12 x 12, 8
epochs of Adam in steps of 16 images: without normalisation nothing less moves it from chance) and `entangled-cell`
(1000 images of Fashion-MNIST at 14 x 14, 8 epochs). Writes `benchmarks/results/gradient_tables.json`: true test
accuracy beside that of all architectures, and how skip connections and the dominant eigenvalue went.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _measuring import Rows, steady_memory, write

from archwright import bench, data, recipes, zoo
from archwright.data import Split, Splits
from archwright.gradient import Adam, Progressive
from archwright.gradient._outer import halves
from archwright.run import PHASES
from archwright.supernet import Supernet
from archwright.train import Trainer

SEEDS, EPOCHS, SAMPLES, BATCH = (0, 1, 2), 20, 4000, 64
LEAST_LR = 0.01
RANDOM = "random search"
LONG = {f"{system}, 60 epochs": 60 for system in ("darts", "darts-pt", "asap", "pdarts")}
TABLES: dict[str, dict[str, Any]] = {
    "nasbench201": {
        "data": "cifar10",
        "dataset": "cifar10",
        "side": 16,
        "build": {"channels": 8, "cells": 1, "affine": False},
    },
    "conv-macro": {
        "data": "cifar10",
        "dataset": None,
        "side": 12,
        "build": {},
        "samples": 1500,
        "epochs": 8,
        "trainer": {"optimizer": "adam", "lr": 2e-3, "batch_size": 16},
    },
    "entangled-cell": {"data": "fashion-mnist", "dataset": None, "side": 14, "build": {}, "samples": 1000, "epochs": 8},
}


def images(name: str, side: int, samples: int, seed: int) -> Splits:
    """A sample of the training part, made smaller."""
    splits = data.load(name, seed=seed)
    order = torch.randperm(len(splits.train), generator=torch.Generator().manual_seed(seed))[:samples]
    part = splits.train.subset(order.sort().values)
    if side != splits.image_size:
        assert isinstance(part.x, torch.Tensor)
        part = dataclasses.replace(part, x=F.adaptive_avg_pool2d(part.x.float(), side))
    return dataclasses.replace(splits, train=part, valid=_none(part), test=_none(part))


def _none(split: Split) -> Split:
    return split.subset(torch.empty(0, dtype=torch.long))


def supernet(table: str, splits: Splits, seed: int) -> Supernet:
    """A small supernet of the table's space."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return zoo.build_for(splits, table, **TABLES[table]["build"])


def searched(table: str, system: str, seed: int) -> dict[str, Any]:
    """One search, and what the table says about its answer."""
    recipe = system.split(",")[0]
    checked = recipes.check(recipes.read(recipe), data="digits")
    phase = next(p for p in checked.phases if p.name == "search-by-gradient")
    search = phase.build(PHASES).slots()
    known, epochs = TABLES[table], TABLES[table].get("epochs", EPOCHS)
    trainer = dataclasses.replace(
        search.trainer, **{"epochs": LONG.get(system, epochs), "batch_size": BATCH} | known.get("trainer", {})
    )
    search = dataclasses.replace(search, trainer=trainer, none=False, sharpness=recipe == "darts")
    if isinstance(search.update, Adam):
        search = dataclasses.replace(
            search, update=dataclasses.replace(search.update, lr=max(LEAST_LR, search.update.lr))
        )
    if isinstance(search.schedule, Progressive):
        stages = dataclasses.replace(search.schedule, layers=(1, 1, 1), keep=(4, 3, 1))
        short = dataclasses.replace(trainer, epochs=max(1, trainer.epochs // 3))
        search = dataclasses.replace(search, schedule=stages, trainer=short)
    splits = images(known["data"], known["side"], known.get("samples", SAMPLES), seed)
    net, answers = supernet(table, splits, seed), bench.load(table, known["dataset"])
    start = time.process_time()
    found = search.search(net, splits, seed=seed, build=lambda layers: supernet(table, splits, seed + layers))
    return {
        "table": table,
        "system": system,
        "seed": seed,
        "test_accuracy": answers.query(found.arch, "test_accuracy"),
        "architecture": dict(found.arch),
        "skip_share": [entry.get("skip_share") for entry in found.history],
        "skip_probability": [_skip_probability(entry["probabilities"]) for entry in found.history],
        "eigenvalue": [entry.get("eigenvalue") for entry in found.history],
        "mixture_accuracy": [entry["accuracy"] for entry in found.history],
        "cpu_seconds": time.process_time() - start,
    }


def at_random(table: str, seed: int, seconds: float) -> dict[str, Any]:
    """Random search for a time of the processor; the last training may end after it."""
    known = TABLES[table]
    settings: dict[str, Any] = {"epochs": EPOCHS, "batch_size": BATCH, "lr": 0.025} | known.get("trainer", {})
    trainer = Trainer(**settings | {"epochs": known.get("epochs", EPOCHS)})
    splits = images(known["data"], known["side"], known.get("samples", SAMPLES), seed)
    weights, rest = halves(splits, 0.5, seed)
    weights = dataclasses.replace(weights, valid=rest)
    net, answers, rng = supernet(table, splits, seed), bench.load(table, known["dataset"]), np.random.default_rng(seed)
    start, found = time.process_time(), []
    while time.process_time() - start < seconds:
        arch = net.space.sample(rng)
        network = net.extract(arch, fresh=True)
        *_, last = trainer.fit(network, weights, seed=seed)
        found.append((last.metrics["accuracy"], dict(arch)))
    best = max(found, key=lambda pair: pair[0])[1]
    return {
        "table": table,
        "system": RANDOM,
        "seed": seed,
        "test_accuracy": answers.query(best, "test_accuracy"),
        "architecture": best,
        "trained": len(found),
        "cpu_seconds": time.process_time() - start,
    }


def _skip_probability(probabilities: Mapping[str, Mapping[str, float]]) -> float | None:
    """Mean probability of the skip connections, None where there are none."""
    values = [p for options in probabilities.values() for name, p in options.items() if name.startswith("skip")]
    return float(np.mean(values)) if values else None


def measure(place: Path, minutes: float, tables: list[str]) -> None:
    """Search after search; what the file has is not done again."""
    rows = Rows(place, minutes)
    for seed in SEEDS:
        for table in tables:
            for system in (*recipes.by_gradient(), *(LONG if table == "nasbench201" else ())):
                if not rows.missing(table=table, system=system, seed=seed):
                    continue
                row = searched(table, system, seed)
                rows.keep(row)
                print(table, system, seed, row["test_accuracy"], round(row["cpu_seconds"]), flush=True)
            if rows.missing(table=table, system=RANDOM, seed=seed):
                cost = [r["cpu_seconds"] for r in rows.rows if r["table"] == table and r["system"] == "darts"]
                rows.keep(at_random(table, seed, float(np.mean(cost))))


def report(place: Path) -> Path:
    """The record from the rows."""
    rows, found = Rows(place).rows, {}
    for table in sorted({row["table"] for row in rows}):
        known = bench.load(table, TABLES[table]["dataset"])
        accuracies = np.asarray(known.values("test_accuracy"))
        mine = [row for row in rows if row["table"] == table]
        found[table] = {
            "best": float(accuracies.max()),
            "all": {"mean": float(accuracies.mean()), "median": float(np.median(accuracies))},
            "systems": {
                system: _summary([row for row in mine if row["system"] == system])
                for system in sorted({row["system"] for row in mine})
            },
        }
    about = f"{SAMPLES} images, half for the weights, {EPOCHS} epochs, batch {BATCH}; table values of the answers"
    return write("gradient_tables", {"about": about, "tables": found})


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    values = [row["test_accuracy"] for row in rows]
    return {
        "seeds": len(values),
        "test_accuracy": [round(v, 2) for v in values],
        "mean": float(np.mean(values)),
        **({"trained": [row["trained"] for row in rows]} if "trained" in rows[0] else _history(rows)),
        "cpu_seconds": round(float(np.mean([row["cpu_seconds"] for row in rows])), 1),
    }


def _history(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        f"{name}_first_middle_last": [_three(row[name]) for row in rows]
        for name in ("skip_share", "skip_probability", "eigenvalue")
    }


def _three(values: list[Any]) -> list[Any]:
    return [values[0], values[len(values) // 2], values[-1]] if values else []


if __name__ == "__main__":
    steady_memory()
    torch.set_num_threads(1)
    target = Path(sys.argv[1])
    budget = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    measure(target, budget, sys.argv[3:] or ["nasbench201"])
    print(report(target))
