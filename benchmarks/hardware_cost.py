"""Which cheap cost tells the measured latency of a network: counts, look-up table, analytical accelerator.

Random NAS-Bench-201 networks (16 channels, 5 cells a stage, 32 x 32 pixels, batch 1) are written as ONNX and timed in
ONNX Runtime with one thread, twice, with the CPU/wall filter. A look-up table of the operations of the same networks is
built on the same machine; `fit` is measured = a + b x sum. Kendall's tau of every cost against the first measurement,
with 95 % bootstrap intervals; `measured again` is what the timer's own noise allows. The analytical Eyeriss is compared
with the published column of HW-NAS-Bench as well, if the table is there.

`python benchmarks/hardware_cost.py [NETWORKS]`, on a machine that does nothing else; about ten minutes for 30 networks.
Writes `benchmarks/results/hardware_cost.json` for 20 networks or more, else only prints.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

import numpy as np
import torch
from _measuring import write
from torch import nn

from archwright import bench, cost, zoo
from archwright.cost._fit import fit
from archwright.errors import ArchwrightError
from archwright.space import Arch
from archwright.statistics import bootstrap, kendall

NETWORKS, LEAST, SEED, SHAPE, REPEATS = 30, 20, 0, (3, 32, 32), 50
CHIPS = ("eyeriss", "tpu-like")


def networks(count: int) -> dict[Arch, nn.Module]:
    """Different random cells as plain networks."""
    net, rng = zoo.build("nasbench201", in_channels=3, classes=10, image_size=32), np.random.default_rng(SEED)
    found: dict[Arch, nn.Module] = {}
    while len(found) < count:
        arch = net.space.sample(rng)
        if arch not in found:
            found[arch] = net.extract(arch, fresh=True).eval()
    return found


def timed(modules: list[nn.Module]) -> list[cost.Latency]:
    """Each once, in ONNX Runtime with one thread."""
    return [cost.latency(module, (1, *SHAPE), runtime="onnxruntime", repeats=REPEATS) for module in modules]


def costs(modules: list[nn.Module], table: cost.LatencyTable) -> dict[str, list[float]]:
    """What every tier says, by name."""
    x = (1, *SHAPE)
    found: dict[str, list[float]] = {
        "params": [cost.params(m) for m in modules],
        "MACs": [cost.macs(m, x) for m in modules],
        "LUT sum": [total for total, _ in table.networks],
    }
    for chip in CHIPS:
        on_chip = [cost.accelerator_cost(m, x, chip) for m in modules]
        found[f"{chip} latency"] = [c.latency_ms for c in on_chip]
        found[f"{chip} energy"] = [c.energy_mj for c in on_chip]
        found[f"{chip} roofline"] = [c.bound_ms for c in on_chip]
    return found


def agreement(values: list[float], truth: list[float]) -> dict[str, Any]:
    """Kendall's tau-b with a 95 % bootstrap interval over networks."""
    x, y = np.array(values, dtype=float), np.array(truth, dtype=float)
    interval = bootstrap(kendall, x, y, resamples=1000)
    return {"tau": round(kendall(x, y), 4), "interval": [round(v, 4) for v in interval]}


def published(archs: list[Arch], found: dict[str, list[float]]) -> dict[str, Any]:
    """Agreement of the costs with the column of HW-NAS-Bench for Eyeriss, and the medians of both."""
    try:
        table = bench.load("nasbench201", dataset="cifar10")
        truth = [table.query(arch, "latency_ms:eyeriss") for arch in archs]
    except ArchwrightError as error:
        return {"absent": str(error)}
    rows = {name: agreement(values, truth) for name, values in found.items() if name in ("MACs", "eyeriss latency")}
    return {"median_ms": [float(np.median(truth)), float(np.median(found["eyeriss latency"]))], **rows}


def main(count: int) -> None:
    """Measure, count, compare."""
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.WARNING)
    start = time.perf_counter()
    nets = networks(count)
    modules = list(nets.values())
    first = timed(modules)
    table = cost.LatencyTable.build(modules, SHAPE, runtime="onnxruntime", repeats=REPEATS)
    again = timed(modules)
    same = cost.compare_latency(modules[0], modules[0], (1, *SHAPE), repeats=100)
    found = costs(modules, table)
    measured = [latency.ms for latency in first]
    line = fit(found["LUT sum"], measured)
    record = {
        "networks": count,
        "contended": sum(latency.contended for latency in (*first, *again)),
        "dropped": sum(latency.dropped for latency in (*first, *again)),
        "device": first[0].device,
        "flags": list(first[0].flags),
        "runtime": f"onnxruntime {first[0].version}",
        "measured_ms": measured,
        "measured_again_ms": [latency.ms for latency in again],
        "same_network_ratio": same.ratio,
        "operations": len(table.entries),
        "fit": {"a": line.a, "b": line.b, "r2": line.r2, "tau": line.tau, "error": line.error},
        "agreement": {
            name: agreement(values, measured)
            for name, values in {**found, "measured again": [latency.ms for latency in again]}.items()
        },
        "published_eyeriss": published(list(nets), found),
        "costs": found,
        "seconds": time.perf_counter() - start,
    }
    print(
        json.dumps(
            {k: v for k, v in record.items() if k not in ("costs", "measured_ms", "measured_again_ms")}, indent=1
        )
    )
    if count >= LEAST:
        print(write("hardware_cost", record))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else NETWORKS)
