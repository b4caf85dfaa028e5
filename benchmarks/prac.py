"""Lottery tickets from pruning-aware critical sets beside tickets from all data and from random sets.

`ARCHWRIGHT_DATA=... python benchmarks/prac.py ROWS [minutes] [quick]`: a convolution network of three layers, 10 000
training images of Fashion-MNIST and of CIFAR-10, eight rounds of 20 % (16.8 % of the convolution weights stay), 12
epochs a round. With three seeds: tickets of PrAC, of iterative magnitude pruning on all data, and of random sets with
the sizes of PrAC's in every round; random masks with the layer counts of PrAC's; PrAC on at least half of the data.
With the first seed: one shot, and the sets found used for a network of another width. All are rewound to the
initialisation and trained on all data in the end. Rows are appended to ROWS, so that it can be stopped and goes on.
Writes `benchmarks/results/prac.json`. `quick` has 1000 images, two rounds and two epochs, and writes nothing but rows.
"""

from __future__ import annotations

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

from archwright import data
from archwright.compress import Iterative, Masks, Prac, PracSet, Pruning, prune, train_held
from archwright.data import Splits
from archwright.train import Trainer, evaluate

SEEDS, SOURCES = (0, 1, 2), ("fashion-mnist", "cifar10")
SAMPLES, VALID, ROUNDS, EPOCHS, BATCH = 10_000, 2000, 8, 12, 64
CHANNELS, OTHER = 16, 24

Measured = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is compared.

    Args:
        splits: part of the training and validation images, and the test images.
        trainer: of every round and of the last training.
        sparsity: in the end.
        seed: of initialisation, order and part.
    """

    splits: Splits
    trainer: Trainer
    sparsity: float
    seed: int

    def network(self, channels: int = CHANNELS) -> nn.Sequential:
        """Not trained."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            widths, parts = [self.splits.in_channels, channels, 2 * channels, 4 * channels], list[nn.Module]()
            for number, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
                convolution = nn.Conv2d(inputs, outputs, 3, 2 if number else 1, 1, bias=False)
                parts += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
            head = nn.Linear(widths[-1], len(self.splits.classes))
            return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)

    @property
    def asked(self) -> Pruning:
        """The sparsity on convolution weights."""
        return Pruning(sparsity=self.sparsity, data=self.splits, trainer=self.trainer, classifier=False, seed=self.seed)

    def trained(self, masks: Masks, channels: int = CHANNELS) -> float:
        """Test accuracy of the initialisation with `masks`, trained on all data."""
        network = self.network(channels)
        train_held(network, masks, self.asked, self.trainer)
        return evaluate(network, self.splits.test)["accuracy"]


def setting(source: str, seed: int, quick: bool) -> Setting:
    """The data and the length."""
    splits = data.load(source, seed=0)
    samples = SAMPLES // (10 if quick else 1)
    order = torch.randperm(len(splits.train), generator=torch.Generator().manual_seed(seed))[:samples]
    part = dataclasses.replace(
        splits,
        train=splits.train.subset(order.sort().values),
        valid=splits.valid.subset(torch.arange(VALID // (4 if quick else 1))),
    )
    trainer = Trainer(epochs=2 if quick else EPOCHS, batch_size=BATCH, lr=0.1, augment=None)
    return Setting(part, trainer, 1 - 0.8 ** (2 if quick else ROUNDS), seed)


def prac(at: Setting, sets: PracSet | None) -> Measured:
    """Sets found here; and random masks with the layer counts of the ticket."""
    found = Prac().search(at.network(), at.asked)
    return {
        "accuracy": at.trained(found.masks),
        "layer_random": at.trained(found.masks.random_like(torch.Generator().manual_seed(at.seed))),
        "steps": found.steps,
        "rounds": [dataclasses.asdict(told) for told in found.rounds],
        "sets": [indices.tolist() for indices in found.sets.rounds[1:]],
    }


def half(at: Setting, sets: PracSet | None) -> Measured:
    """Critical sets that are filled up to half of the examples."""
    found = Prac(least_share=0.5).search(at.network(), at.asked)
    rounds = [dataclasses.asdict(told) for told in found.rounds]
    return {"accuracy": at.trained(found.masks), "steps": found.steps, "rounds": rounds}


def random_sets(at: Setting, sets: PracSet | None) -> Measured:
    """Of the same sizes: the control."""
    assert sets is not None
    how = Prac(sets=sets.random_like(torch.Generator().manual_seed(at.seed)))
    found = how.search(at.network(), at.asked)
    return {"accuracy": at.trained(found.masks), "steps": found.steps}


def all_data(at: Setting, sets: PracSet | None) -> Measured:
    """Iterative magnitude pruning."""
    network = Iterative()(at.network(), at.asked)
    steps = ROUNDS * EPOCHS * (len(at.splits.train) // BATCH)
    return {"accuracy": evaluate(network, at.splits.test)["accuracy"], "steps": steps}


def one_shot(at: Setting, sets: PracSet | None) -> Measured:
    """Masks of the dense network trained once."""
    network = at.network()
    train_held(network, Masks.dense(network, classifier=False), at.asked, at.trainer)
    masks = Masks.of(prune(network, sparsity=at.sparsity, classifier=False), classifier=False)
    return {"accuracy": at.trained(masks), "dense": evaluate(network, at.splits.test)["accuracy"]}


def reused(at: Setting, sets: PracSet | None) -> Measured:
    """The sets serve a wider network; beside its own ticket from all data."""
    network = at.network(OTHER)
    found = Prac(sets=sets).search(network, at.asked)
    own = Iterative()(at.network(OTHER), at.asked)
    return {
        "accuracy": at.trained(found.masks, OTHER),
        "all_data": evaluate(own, at.splits.test)["accuracy"],
        "steps": found.steps,
    }


Way = Callable[[Setting, PracSet | None], Measured]
EVERY_SEED: dict[str, Way] = {
    "prac": prac,
    "all data": all_data,
    "random sets": random_sets,
    "prac, at least half": half,
}
ONE_SEED: dict[str, Way] = {"one shot": one_shot, "other width": reused}
WAYS = EVERY_SEED | ONE_SEED


def measure(place: Path, minutes: float, quick: bool) -> None:
    """Way after way; what the file has is not done again."""
    rows, known = Rows(place, minutes), dict[tuple[str, int], Setting]()
    seeds = SEEDS[: 1 if quick else None]
    first = list(itertools.product(SOURCES, seeds, EVERY_SEED))
    for source, seed, name in [*first, *itertools.product(SOURCES, seeds[:1], ONE_SEED)]:
        if not rows.missing(source=source, way=name, seed=seed):
            continue
        at = known[source, seed] = known.get((source, seed)) or setting(source, seed, quick)
        start = time.process_time()
        found = WAYS[name](at, _sets(rows.rows, source, seed, at))
        row = {"source": source, "way": name, "seed": seed, **found}
        row["cpu_seconds"] = round(time.process_time() - start, 1)
        rows.keep(row)
        print(source, seed, name, round(row["accuracy"], 2), row["cpu_seconds"], flush=True)


def _sets(rows: list[dict[str, Any]], source: str, seed: int, at: Setting) -> PracSet | None:
    """That PrAC found with this seed."""
    for row in rows:
        if (row["source"], row["way"], row["seed"]) == (source, "prac", seed):
            total = len(at.splits.train)
            return PracSet((torch.arange(total), *[torch.tensor(s) for s in row["sets"]]), total)
    return None


def report(place: Path) -> Path:
    """The record from the rows."""
    rows = Rows(place).rows
    found = {}
    for source in SOURCES:
        ways = {name: [r for r in rows if (r["source"], r["way"]) == (source, name)] for name in WAYS}
        found[source] = {name: _summary(some) for name, some in ways.items() if some}
    about = f"{SAMPLES} training images, {ROUNDS} rounds of 20 %, {EPOCHS} epochs a round; test accuracies"
    return write("prac", {"about": about, "sources": found})


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    values = [row["accuracy"] for row in rows]
    found = {
        "mean": round(statistics.mean(values), 2),
        "std": round(statistics.stdev(values), 2) if len(values) > 1 else None,
        "accuracy": [round(v, 2) for v in values],
        "cpu_seconds": round(statistics.mean(row["cpu_seconds"] for row in rows), 1),
    }
    for name in ("layer_random", "dense", "all_data", "steps"):
        if name in rows[0]:
            found[name] = [round(row[name], 2) for row in rows]
    if "rounds" in rows[0]:
        later = [[told["examples"] for told in row["rounds"][1:]] for row in rows]
        found["share_of_data_after_the_first_round"] = [round(statistics.mean(s) / SAMPLES, 3) for s in later]
        found["examples"] = later
        found["epochs"] = [[told["epochs"] for told in row["rounds"]] for row in rows]
        found["forgotten"] = [[told["forgotten"] for told in row["rounds"]] for row in rows]
        found["disagreeing"] = [[told["disagreeing"] for told in row["rounds"]] for row in rows]
        found["inference_passes"] = [sum(told["passes"] for told in row["rounds"]) for row in rows]
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
