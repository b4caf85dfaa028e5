"""Post-training quantisation of the CIFAR-10 ResNet-20 with published accuracy, over bits and methods.

`ARCHWRIGHT_DATA=... python benchmarks/compression.py ROWS [minutes] [part ...]`: rows are appended to ROWS, so that it
can be stopped and goes on; parts are `low` and `high` (bits x methods, 4 bits or fewer and more; 1000 calibration
images drawn anew for every seed, 200 steps a layer and 100 on biases), `mixed` (bits of every layer under a size),
`peers` (ONNX Runtime's, torchao's and NNCF's own quantisation where installed, torchao with 8 bits at the ends, too),
`cost` (AdaQuant against quantisation-aware training), `memory` (what stays in memory under a limit on activations).
Tested on the first 2000 test images (float: 90.80), at 4 and 3
bits and under a size on all 10 000, too. Writes `benchmarks/results/compression.json`.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib.util
import itertools
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from _measuring import Rows, write
from _quantisation_peers import PEERS
from torch import Tensor

from archwright import bench, compress, data
from archwright.data import Split

TESTED, CALIBRATION, STEPS = 2000, 1000, 200
BIASES = 100  # steps on the biases
PLAIN = ("minmax", "mse", "light", "nupes-data-free")
LEARNT = ("adaquant-parallel", "adaquant", "adaquant+statistics", "advanced", "nupes")
WHOLE = (4, 3)  # bits at which all test images are looked at
SIZES = ((0.16, "light"), (0.15, "advanced"), (0.13, "advanced"))
SEEDS = (0, 1, 2)
LIMITS = (2**26, 2**28, 2**30)  # bytes of activations
RETURNING = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}  # glibc gives back what is freed


def pipeline(name: str) -> compress.Quantization:
    """A method with fewer steps a layer."""
    first, _, more = name.partition("+")
    found = compress.METHODS[first]
    if more:
        found = dataclasses.replace(found, statistics=True)
    if found.learn is not None:
        found = dataclasses.replace(found, learn=dataclasses.replace(found.learn, iterations=STEPS))
    return dataclasses.replace(found, biases=BIASES) if found.biases else found


def calibration(net: bench.Pretrained, train: Split, seed: int) -> Tensor:
    """Unlabelled training images."""
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))[:CALIBRATION]
    return torch.cat([x for x, _ in net.normalised(train.subset(order)).batches(500)])


@torch.no_grad()
def accuracy(module: Any, test: Split) -> float:
    """Percent."""
    return 100 * sum(int((module(x).argmax(1) == y).sum()) for x, y in test.batches(500)) / len(test)


class Measuring:
    """The network and its data."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.net = bench.pretrained("cifar10_resnet20")
        splits = data.load("cifar10")
        self.train, self.test = splits.train, self.net.normalised(splits.test)
        self.sample = self.test.subset(torch.arange(TESTED))

    def keep(self, **row: Any) -> None:
        """Append a row."""
        self.rows.keep(row)
        print(row, flush=True)

    def low(self) -> None:
        """Bits at which methods differ."""
        if self.rows.missing(part="table", method="float"):
            self.keep(part="table", method="float", bits=32, seed=0, **self.accuracies(self.net.module, whole=True))
        self._cells((4, 3, 2))

    def high(self) -> None:
        """Bits at which there is little to learn."""
        self._cells((8, 6, 5))

    def _cells(self, widths: Sequence[int]) -> None:
        for seed, bits, method in itertools.product(SEEDS, widths, (*PLAIN, *LEARNT)):
            if self.rows.missing(part="table", method=method, bits=bits, seed=seed):
                self._quantised("table", method, bits, seed, whole=bits in WHOLE)

    def mixed(self) -> None:
        """Sizes x seeds, bits of 2 to 8."""
        for seed, (size, method) in itertools.product(SEEDS, SIZES):
            if self.rows.missing(part="mixed", method=method, size=size, seed=seed):
                self._quantised("mixed", method, 2, seed, whole=True, size=size)

    def accuracies(self, module: Any, *, whole: bool) -> dict[str, float]:
        """Of the first test images, and of all."""
        found = {"accuracy": accuracy(module, self.sample)}
        if whole:
            rest = self.test.subset(torch.arange(TESTED, len(self.test)))
            share = TESTED / len(self.test)
            found["accuracy_all"] = share * found["accuracy"] + (1 - share) * accuracy(module, rest)
        return found

    def _quantised(
        self, part: str, method: str, bits: int, seed: int, *, whole: bool, size: float | None = None
    ) -> None:
        images, started = calibration(self.net, self.train, seed), time.process_time()
        graph = compress.quantize(self.net.module, images, bits=bits, method=pipeline(method), size=size, seed=seed)
        seconds = time.process_time() - started
        more = {} if size is None else {"size": size, "layers": compress.bits_of(graph)}
        self.keep(
            part=part, method=method, bits=bits, seed=seed, weights=compress.size_of(graph), cpu_seconds=seconds,
            **self.accuracies(graph, whole=whole), **more,
        )  # fmt: skip

    def peers(self) -> None:
        """Other libraries, at the bits that they have."""
        for seed in SEEDS:
            for name, (quantise, bits) in PEERS.items():
                if importlib.util.find_spec(name) is None:
                    print(f"{name} is not installed: pip install {name}", flush=True)
                    continue
                for width in bits:
                    if not self.rows.missing(part="peers", method=name, bits=width, seed=seed):
                        continue
                    images, started = calibration(self.net, self.train, seed), time.process_time()
                    network = quantise(self.net.module, images, width)
                    seconds = time.process_time() - started
                    found = accuracy(network, self.sample)
                    self.keep(
                        part="peers",
                        method=name,
                        bits=width,
                        seed=seed,
                        accuracy=found,
                        cpu_seconds=seconds,
                    )

    def cost(self) -> None:
        """AdaQuant's time against an epoch of quantisation-aware training of the same network."""
        if not self.rows.missing(part="cost"):
            return
        images = calibration(self.net, self.train, 0)
        started = time.process_time()
        graph = compress.quantize(self.net.module, images, bits=3, method=pipeline("adaquant"))
        ours = time.process_time() - started
        plain = compress.quantize(self.net.module, images, bits=3, method="mse")
        train = self.net.normalised(self.train)
        plain.requires_grad_(True)
        optimiser, steps, spent, curve = torch.optim.SGD(plain.parameters(), 1e-3, momentum=0.9), 0, 0.0, []
        goal = accuracy(graph, self.sample)
        for x, y in train.batches(128, shuffle=True, seed=0, epoch=0):
            started = time.process_time()
            optimiser.zero_grad()
            F.cross_entropy(plain(x), y).backward()
            optimiser.step()
            spent, steps = spent + time.process_time() - started, steps + 1
            if steps % 40 == 0:
                curve.append((steps, accuracy(plain, self.sample)))
            if steps >= 120:
                break
        epochs = STEPS * 50 / CALIBRATION
        epoch = spent / steps * len(train) / 128
        self.keep(
            part="cost", adaquant_seconds=ours, adaquant_accuracy=goal, training_epoch_seconds=epoch,
            training_curve=curve, epochs_matched=epochs, ratio=ours / (epochs * epoch),
        )  # fmt: skip

    def memory(self) -> None:
        """What a calibration keeps in memory under a limit, each in a process that gives back what it frees."""
        for limit in LIMITS:
            if self.rows.missing(part="peak", limit=limit):
                words = [sys.executable, __file__, str(self.rows.place), "60", f"peak:{limit}"]
                subprocess.run(words, env={**os.environ, **RETURNING}, check=True)
        self.rows.read()

    def peak(self, limit: int) -> None:
        """One step a layer, on activations that go to disk beyond a limit."""
        images = calibration(self.net, self.train, 0)
        brief = dataclasses.replace(compress.METHODS["adaquant"], learn=compress.AdaQuant(iterations=1))
        with Peak() as peak:
            compress.quantize(self.net.module, images, bits=4, method=brief, memory=limit)
        self.keep(part="peak", limit=limit, peak=peak.bytes)


class Peak:
    """The most anonymous memory (pages of files do not count) beyond that at the start, looked at every 10 ms."""

    def __enter__(self) -> Peak:
        gc.collect()
        self._start = self._most = _anonymous()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self._most = max(self._most, _anonymous())

    @property
    def bytes(self) -> int:
        """So far."""
        return self._most - self._start


def _anonymous() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", status)[1])  # type: ignore[index]


def report(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means and spreads by bits and method, and what the acceptance asks for."""
    table: dict[str, Any] = {}
    for row in rows:
        if row["part"] in ("table", "mixed", "peers"):
            where = f"size {row['size']}" if "size" in row else "float" if row["bits"] == 32 else f"{row['bits']} bits"
            for name, key in (("accuracy", where), ("accuracy_all", f"{where}, all 10 000")):
                if name in row:
                    table.setdefault(key, {}).setdefault(row["method"], []).append(row[name])
    summary = {
        where: {
            method: {
                "mean": round(statistics.fmean(v), 2),
                "std": round(statistics.stdev(v), 2) if len(v) > 1 else None,
                "accuracy": [round(x, 2) for x in v],
            }
            for method, v in methods.items()
        }
        for where, methods in table.items()
    }
    return {
        "about": f"CIFAR-10 ResNet-20, {CALIBRATION} calibration images, first and last layer 8 bits, {STEPS} steps a "
        f"layer, {BIASES} on biases, accuracy on {TESTED} test images unless it says all",
        "table": summary,
        "seconds": {
            f"{row['method']}, {row['bits']} bits": round(row["cpu_seconds"], 1)
            for row in rows
            if row["part"] == "table" and row["seed"] == 0 and "cpu_seconds" in row
        },
        "memory": [row for row in rows if row["part"] == "peak"],
        "cost": [row for row in rows if row["part"] == "cost"],
    }


def main(place: str, minutes: str = "60", *parts: str) -> int:
    """Measure what is missing, write the record."""
    task = Measuring(Rows(Path(place), float(minutes)))
    for part in parts or ("low", "mixed", "peers", "cost", "memory", "high"):
        name, _, value = part.partition(":")
        getattr(task, name)(*([int(value)] if value else []))
    print(write("compression", report(task.rows.rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
