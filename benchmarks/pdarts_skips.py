"""Skip connections of P-DARTS's normal cells with and without dropout on them, on `darts-s2` with a zero.

`ARCHWRIGHT_DATA=... python benchmarks/pdarts_skips.py`: 1000 images of Fashion-MNIST at 8 x 8, stages of 3, 4 and 5
cells of width 4, 5 epochs each, three seeds. Writes `benchmarks/results/pdarts_skips.json`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from _measuring import write

from archwright import data, zoo
from archwright.gradient import Adam, FirstOrder, GradientSearch, Magnitude, Progressive, Softmax
from archwright.supernet import Supernet
from archwright.train import Trainer
from archwright.zoo import darts

SEEDS, SAMPLES = (0, 1, 2), 1000
DROPOUT = {"with dropout": (0.1, 0.4, 0.7), "without": (0.0, 0.0, 0.0)}


def supernet(seed: int, layers: int = 3) -> Supernet:
    """Small."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return zoo.build("darts-s2", in_channels=1, classes=10, image_size=8, channels=4, layers=layers)


def searched(splits: data.Splits, dropout: tuple[float, ...], seed: int) -> dict[str, Any]:
    """Skip connections among the 8 operations of the normal cell, and their share among the likeliest after a stage."""
    search = GradientSearch(
        relaxation=Softmax(),
        hypergradient=FirstOrder(),
        update=Adam(lr=0.05),
        schedule=Progressive(layers=(3, 4, 5), keep=(3, 2, 1), dropout=dropout),
        derive=Magnitude(),
        none=True,
        warmup=0.4,
        trainer=Trainer(epochs=5, batch_size=64, lr=0.05, precision="32", augment=None),
        sharpness=False,
    )
    found = search.search(supernet(seed), splits, seed=seed, build=lambda layers: supernet(seed, layers))
    operations = [operation for operation, _ in darts.genotype(found.arch)["normal"]]
    shares = [round(entry["skip_share"], 2) for entry in found.history if "skip_share" in entry]
    return {
        "seed": seed,
        "skips": operations.count("skip_connect"),
        "shares": shares[4::5],
        "mixture_accuracy": found.history[-1]["accuracy"],
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    known = data.load("fashion-mnist", seed=0, image_size=8)
    part = dataclasses.replace(known, train=known.train.subset(torch.arange(SAMPLES)))
    rows = {name: [searched(part, rates, seed) for seed in SEEDS] for name, rates in DROPOUT.items()}
    print(write("pdarts_skips", {"of": 8, **rows}))
