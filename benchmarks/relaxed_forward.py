"""Relaxed forward pass of elastic layers (every variable a mixture) against the largest network, extracted.

The limit is a ratio of 1.3. Run alone: `python benchmarks/relaxed_forward.py [rounds]`; writes
`benchmarks/results/relaxed_forward.json`. The training step, with gradients of the weights, is recorded beside it.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from _measuring import in_turn, steady_memory, write
from torch import Tensor

from archwright import zoo
from archwright.supernet import Supernet, extreme

LIMIT = 1.3
BATCH = 64


def mixture(net: Supernet, *, grad: bool) -> dict[str, Tensor]:
    """Equal weights for every variable."""
    return {v.name: torch.full((v.count,), 1 / v.count, requires_grad=grad) for v in net.space.variables}


def main(rounds: int = 20) -> int:
    """Measure, print, write the record; 1 if the limit is broken."""
    steady_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = zoo.build("convnet", in_channels=3, classes=10, image_size=32).eval()
    plain = net.extract(extreme(net.space, np.random.default_rng(0), largest=True))
    x, relaxed, trained = torch.randn(BATCH, 3, 32, 32), mixture(net, grad=False), mixture(net, grad=True)

    def step(logits: Tensor) -> None:
        logits.logsumexp(1).sum().backward()

    def clear() -> None:
        net.zero_grad(set_to_none=True)
        plain.zero_grad(set_to_none=True)

    with torch.no_grad():
        forward = in_turn(lambda: net(x, relaxed), lambda: plain(x), rounds)
    net.train(), plain.train()
    backward = in_turn(lambda: step(net(x, trained)), lambda: step(plain(x)), max(3, rounds // 4), clear)
    record = {"ratio": forward["ratio"], "limit": LIMIT, "batch": BATCH, "rounds": rounds, "threads": 1}
    target = write("relaxed_forward", {**record, "forward": forward, "training_step": backward})
    for name, row in (("forward", forward), ("training step", backward)):
        print(f"convnet {name:13} {row['first_ms']:8.2f} ms {row['second_ms']:8.2f} ms  {row['ratio']:.3f}")
    print(f"ratio {forward['ratio']:.3f}, limit {LIMIT}; written to {target}")
    return int(forward["ratio"] > LIMIT)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
