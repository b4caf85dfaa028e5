"""Training step (forward and backward) of the supernet on one architecture against the network extracted for it.

The limit is a ratio of 1.05 for each network, the median over its architectures. Run alone:
`python benchmarks/concrete_forward.py [rounds]`; writes `benchmarks/results/concrete_forward.json`.
"""

from __future__ import annotations

import statistics
import sys

import numpy as np
import torch
import torch.nn.functional as F
from _measuring import in_turn, steady_memory, write
from torch import Tensor

from archwright import zoo
from archwright.space import Arch
from archwright.supernet import Supernet, extreme

LIMIT = 1.05
BATCH = 64
NETWORKS = {"convnet": {}, "nasbench201": {"cells": 1, "channels": 16}}


def architectures(net: Supernet) -> dict[str, Arch]:
    """The ends of the space and three random members."""
    rng = np.random.default_rng(0)
    chosen = {f"random {n}": net.space.sample(rng) for n in range(3)}
    return {
        "largest": extreme(net.space, rng, largest=True),
        "smallest": extreme(net.space, rng, largest=False),
        **chosen,
    }


def compared(net: Supernet, arch: Arch, x: Tensor, y: Tensor, rounds: int) -> dict[str, float]:
    """A step of the supernet against a step of the plain network, both in train mode."""
    plain = net.extract(arch).train()

    def step(logits: Tensor) -> None:
        F.cross_entropy(logits, y).backward()

    def clear() -> None:
        net.zero_grad(set_to_none=True)
        plain.zero_grad(set_to_none=True)

    return in_turn(lambda: step(net(x, arch)), lambda: step(plain(x)), rounds, clear)


def main(rounds: int = 20) -> int:
    """Measure, print, write the record; 1 if the limit is broken."""
    steady_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y = torch.randn(BATCH, 3, 32, 32), torch.randint(10, (BATCH,))
    record = {"limit": LIMIT, "batch": BATCH, "rounds": rounds, "threads": 1, "ratio": {}, "architectures": {}}
    for name, settings in NETWORKS.items():
        net = zoo.build(name, in_channels=3, classes=10, image_size=32, **settings).train()
        rows = {label: compared(net, arch, x, y, rounds) for label, arch in architectures(net).items()}
        record["architectures"][name] = rows
        record["ratio"][name] = statistics.median(row["ratio"] for row in rows.values())
        for label, row in rows.items():
            print(f"{name:12} {label:9} {row['first_ms']:8.2f} ms {row['second_ms']:8.2f} ms  {row['ratio']:.3f}")
    target = write("concrete_forward", record)
    print(f"ratio {record['ratio']}, limit {LIMIT}; written to {target}")
    return int(max(record["ratio"].values()) > LIMIT)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
