"""Masks found on the frozen weights of a ResNet-20 with published accuracy (CIFAR-10, 91.73), beside their baselines.

`ARCHWRIGHT_DATA=... python benchmarks/jackpots.py ROWS [minutes] [quick]`: at 90 % of the convolution weights, 10 000
training images and 4 epochs for whatever trains. With three seeds: magnitude pruning without training, with the
statistics of the dense network and with new ones; jackpots with the short restriction and without; magnitude masks with
the weights fine-tuned for the same epochs. With the first seed: a constant restriction, a random
start, edge-popup, lower sparsities, fine-tuning at other rates, jackpots whose weights are tuned for the last quarter
of the epochs, and jackpots with all training images. Rows are appended to ROWS, so that it can be stopped and goes on.
Writes `benchmarks/results/jackpots.json`. `quick` has 1000 images and one epoch and writes nothing but rows.

Rate 0.02 and batches of 32 were chosen on the validation images with the first seed (90 %, 4 epochs: 86.2; the
published 0.1 and 128, for many more steps: 82.8; 0.5: 65.7; 0.03: 85.2; 0.01: 83.3; 64 and 0.03: 86.0; 32 and 0.1:
78.1, 0.05: 79.5, 0.01: 85.1; 16 and 0.02: 82.9; without weight decay 82.9 instead of 82.8).
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _measuring import Rows, steady_memory, write
from torch import nn

from archwright import bench, data
from archwright.compress import Jackpots, Masks, Pruning, prune
from archwright.data import Split, Splits
from archwright.train import Trainer, evaluate

SEEDS, SPARSITY = (0, 1, 2), 0.9
EPOCHS, SAMPLES, VALID = 4, 10_000, 2000
RATE, BATCH, TUNING_BATCH = 0.02, 32, 128
QUICK_SAMPLES, QUICK_TEST = 1000, 1000
TUNING = 0.25  # of the epochs

Measured = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is compared.

    Args:
        network: dense.
        splits: part of the training images, of the validation images, and the test images.
        epochs: of everything that trains.
        seed: of data and search.
        whole: all training images.
        sparsity: of the convolution weights.
    """

    network: nn.Module
    splits: Splits
    epochs: int
    seed: int
    whole: Split
    sparsity: float = SPARSITY

    def trainer(self, **changed: Any) -> Trainer:
        """As published for the scores, but for fewer epochs and with another rate."""
        return Trainer(**({"epochs": self.epochs, "lr": RATE, "batch_size": BATCH} | changed))

    def asked(self, trainer: Trainer) -> Pruning:
        """The sparsity on convolution weights."""
        return Pruning(sparsity=self.sparsity, data=self.splits, trainer=trainer, classifier=False, seed=self.seed)

    def start(self) -> Masks:
        """Of magnitude pruning."""
        return Masks.of(prune(self.network, sparsity=self.sparsity, classifier=False), classifier=False)


def setting(seed: int, quick: bool) -> Setting:
    """The network and its data."""
    known = bench.pretrained("cifar10_resnet20")
    splits = data.load(known.source, seed=0)
    samples = QUICK_SAMPLES if quick else SAMPLES
    order = torch.randperm(len(splits.train), generator=torch.Generator().manual_seed(seed))
    part = dataclasses.replace(
        splits,
        train=known.normalised(splits.train.subset(order[:samples].sort().values)),
        valid=known.normalised(splits.valid.subset(torch.arange(VALID // (4 if quick else 1)))),
        test=known.normalised(splits.test.subset(torch.arange(QUICK_TEST)) if quick else splits.test),
    )
    whole = known.normalised(splits.train.subset(order[: 2 * samples if quick else None].sort().values))
    return Setting(known.module, part, 1 if quick else EPOCHS, seed, whole)


def accuracy(network: nn.Module, at: Setting) -> float:
    """Of the test images, percent."""
    return evaluate(network, at.splits.test)["accuracy"]


def without_training(statistics_too: bool) -> Callable[[Setting], Measured]:
    """Magnitude pruning."""

    def measured(at: Setting) -> Measured:
        splits = at.splits if statistics_too else None
        network = prune(at.network, sparsity=at.sparsity, data=splits, classifier=False, seed=at.seed)
        return {"accuracy": accuracy(network, at), "sparsity": Masks.of(network, classifier=False).sparsity}

    return measured


def fine_tuned(lr: float, batch: int = TUNING_BATCH) -> Callable[[Setting], Measured]:
    """Magnitude pruning and training of the weights that are left."""

    def measured(at: Setting) -> Measured:
        trainer = at.trainer(lr=lr, batch_size=batch, patience=10**6)
        network = prune(
            at.network, sparsity=at.sparsity, data=at.splits, trainer=trainer, classifier=False, seed=at.seed
        )
        return {"accuracy": accuracy(network, at), "sparsity": Masks.of(network, classifier=False).sparsity}

    return measured


def searched(how: Jackpots) -> Callable[[Setting], Measured]:
    """Masks on frozen weights."""

    def measured(at: Setting) -> Measured:
        network, start = copy.deepcopy(at.network), at.start()
        tuned = how.tuning is not None
        epochs = max(1, at.epochs - round(TUNING * at.epochs)) if tuned else at.epochs
        asked = at.asked(at.trainer(epochs=epochs))
        masks, history = how.search(network, asked)
        found: Measured = {"accuracy_search": accuracy(network, at)} if tuned else {}
        if how.tuning is not None:
            tuning = dataclasses.replace(how.tuning, epochs=max(1, at.epochs - epochs), batch_size=TUNING_BATCH)
            network = prune(
                network, sparsity=masks.sparsity, data=at.splits, trainer=tuning, classifier=False, seed=at.seed
            )
        shared = [float((masks[name] & start[name]).sum() / start[name].sum()) for name in start]
        return found | {
            "accuracy": accuracy(network, at),
            "sparsity": Masks.of(network, classifier=False).sparsity,
            "valid_accuracy": [r.metrics["accuracy"] for r in history],
            "swaps": [r.metrics["swaps"] for r in history],
            "kept_of_start": shared,
        }

    return measured


def at_sparsity(sparsity: float, way: Callable[[Setting], Measured]) -> Callable[[Setting], Measured]:
    """`way` at another sparsity."""
    return lambda at: way(dataclasses.replace(at, sparsity=sparsity))


def with_all(way: Callable[[Setting], Measured]) -> Callable[[Setting], Measured]:
    """`way` with all training images."""
    return lambda at: way(dataclasses.replace(at, splits=dataclasses.replace(at.splits, train=at.whole)))


EVERY_SEED: dict[str, Callable[[Setting], Measured]] = {
    "dense": lambda at: {"accuracy": accuracy(at.network, at)},
    "magnitude": without_training(False),
    "magnitude, new statistics": without_training(True),
    "jackpots": searched(Jackpots()),
    "jackpots, r = 1": searched(Jackpots(restriction=1.0)),
    "magnitude, fine-tuned": fine_tuned(0.01),
}
ONE_SEED: dict[str, Callable[[Setting], Measured]] = {
    "jackpots, 70 %": at_sparsity(0.7, searched(Jackpots())),
    "magnitude, 70 %, new statistics": at_sparsity(0.7, without_training(True)),
    "jackpots, 50 %": at_sparsity(0.5, searched(Jackpots())),
    "magnitude, 50 %, new statistics": at_sparsity(0.5, without_training(True)),
    "jackpots, all images": with_all(searched(Jackpots())),
    "magnitude, fine-tuned, rate 0.05": fine_tuned(0.05),
    "magnitude, fine-tuned, rate 0.02, batches of 32": fine_tuned(0.02, BATCH),
    "jackpots, 80 %": at_sparsity(0.8, searched(Jackpots())),
    "jackpots, tuned": searched(Jackpots(tuning=Trainer(lr=0.01, weight_decay=0.0))),
    "jackpots, r = 0.1": searched(Jackpots(restriction=0.1)),
    "jackpots, random start": searched(Jackpots(start="random")),
    "edge-popup": searched(Jackpots(start="edge-popup", restriction=1.0)),
}
WAYS = EVERY_SEED | ONE_SEED


def measure(place: Path, minutes: float, quick: bool) -> None:
    """Way after way; what the file has is not done again."""
    rows, known = Rows(place, minutes), dict[int, Setting]()
    seeds = SEEDS[: 1 if quick else None]
    for name, seed in [*itertools.product(EVERY_SEED, seeds), *itertools.product(ONE_SEED, seeds[:1])]:
        if not rows.missing(way=name, seed=seed):
            continue
        at = known[seed] = known.get(seed) or setting(seed, quick)
        start = time.process_time()
        row = {"way": name, "seed": seed, **WAYS[name](at), "cpu_seconds": round(time.process_time() - start, 1)}
        rows.keep(row)
        print(seed, name, round(row["accuracy"], 2), row["cpu_seconds"], flush=True)


def report(place: Path) -> Path:
    """The record from the rows."""
    rows = Rows(place).rows
    found = {name: _summary([row for row in rows if row["way"] == name]) for name in WAYS}
    about = (
        f"ResNet-20, CIFAR-10, {SPARSITY} of the convolution weights pruned; {SAMPLES} images, {EPOCHS} epochs, "
        f"rate {RATE}, batches of {BATCH}"
    )
    return write("jackpots", {"about": about, "ways": {name: known for name, known in found.items() if known}})


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    if not rows:
        return {}
    values = [row["accuracy"] for row in rows]
    found = {
        "mean": round(statistics.mean(values), 2),
        "std": round(statistics.stdev(values), 2) if len(values) > 1 else None,
        "accuracy": [round(v, 2) for v in values],
        "cpu_seconds": round(statistics.mean(row["cpu_seconds"] for row in rows), 1),
    }
    if "accuracy_search" in rows[0]:
        found["accuracy_search"] = [round(row["accuracy_search"], 2) for row in rows]
    if "swaps" in rows[0]:
        found["swaps"] = [sum(row["swaps"]) for row in rows]
        found["valid_accuracy"] = [[round(v, 1) for v in row["valid_accuracy"]] for row in rows]
        found["kept_of_start"] = [round(statistics.mean(row["kept_of_start"]), 3) for row in rows]
    return found


if __name__ == "__main__":
    steady_memory()
    torch.set_num_threads(1)
    target = Path(sys.argv[1])
    budget = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    short = "quick" in sys.argv[3:]
    measure(target, budget, short)
    if not short:
        print(report(target))
