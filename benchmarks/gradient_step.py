"""Time and memory of a search step of every system against the official first-order DARTS step.

`python benchmarks/gradient_step.py OFFICIAL [rounds]`, OFFICIAL: folder `cnn` of quark0/darts without `.cuda()` calls
(no code of it is kept here). Same space, batch and precision, one thread, in turn (ABBA); a step moves the
architecture and the weights once. Memory: bytes kept for the backward pass of the architecture's step, each storage
once, without weights. Writes `benchmarks/results/gradient_step.json`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _measuring import in_turn, steady_memory, write
from torch import Tensor, nn

from archwright import zoo
from archwright.data import Split
from archwright.gradient import (
    Adam,
    Annealed,
    BilevelStep,
    BinaryGates,
    Dirichlet,
    ExponentiatedGradient,
    FirstOrder,
    GumbelSoftmax,
    Neumann,
    OuterBatches,
    ProximalGradient,
    Rebar,
    Relax,
    Relaxed,
    Sampled,
    ScalingFactors,
    SingleLevel,
    Softmax,
    Unrolled,
)
from archwright.supernet import Supernet, extreme

BATCH, SIZE, CHANNELS, LAYERS = 16, 32, 16, 8
LIMITS = {"darts": 0.8}  # of the official step's time
MEMORY_LIMITS = {"proxylessnas": 0.35}  # of the full mixture
SYSTEMS: dict[str, dict[str, Any]] = {
    "darts": {"none": True},
    "darts, second order": {"hypergradient": Unrolled(), "none": True},
    "darts, second order by differences": {"hypergradient": Unrolled(mixed="difference"), "none": True},
    "idarts, 2 terms": {"hypergradient": Neumann(terms=2, products="difference"), "none": True},
    "idarts, 2 terms, exact products": {"hypergradient": Neumann(terms=2), "none": True},
    "snas": {"relaxation": GumbelSoftmax(), "hypergradient": SingleLevel(), "none": True},
    "gdas": {"relaxation": GumbelSoftmax(start=10.0, end=0.1, hard=True), "none": True},
    "xnas": {"update": ExponentiatedGradient(), "none": True},
    "asap": {"relaxation": Annealed()},
    "dso-nas": {"relaxation": ScalingFactors(), "update": ProximalGradient()},
    "proxylessnas": {"relaxation": BinaryGates()},
    "rebar": {"relaxation": Sampled(), "hypergradient": Rebar()},
    "relax": {"relaxation": Sampled(), "hypergradient": Relax()},
}


class Backward:
    """Back-propagates; the optimiser moves the weights."""

    def __init__(self, module: nn.Module) -> None:
        self.optimizer = torch.optim.SGD(module.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)

    def __call__(self, loss: Tensor) -> None:
        loss.backward()


def step_of(
    net: Supernet,
    x: Tensor,
    y: Tensor,
    *,
    relaxation: Any = None,
    hypergradient: Any = None,
    update: Any = None,
    none: bool = False,
) -> tuple[Callable[[], None], Relaxed]:
    """One search step, ready to be called again."""
    relaxed = Relaxed(net, relaxation or Softmax(), update or Adam(), none=none)
    relaxed.planned, backward, rng = 1000.0, Backward(net), np.random.default_rng(0)
    outer = OuterBatches(Split(x, y), len(x), seed=0, augment=None, device=x.device)
    bilevel = BilevelStep(hypergradient or FirstOrder(), outer)

    def step() -> None:
        backward.optimizer.zero_grad(set_to_none=True)
        bilevel(relaxed, x, y, backward=backward, rng=rng)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        backward.optimizer.step()

    net.train()
    return step, relaxed


def official_step(folder: Path, x: Tensor, y: Tensor) -> Callable[[], None]:
    """The step of the released code: architecture on one batch, weights on the other."""
    sys.path.insert(0, str(folder))
    from architect import Architect
    from model_search import Network

    net = Network(CHANNELS, 10, LAYERS, nn.CrossEntropyLoss())
    args = argparse.Namespace(momentum=0.9, weight_decay=3e-4, arch_learning_rate=3e-4, arch_weight_decay=1e-3)
    architect = Architect(net, args)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)

    def step() -> None:
        architect.step(x, y, x, y, 0.025, optimizer, unrolled=False)
        optimizer.zero_grad()
        net._loss(x, y).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()

    net.train()
    return step


def kept(net: nn.Module, relaxed: Relaxed, x: Tensor, y: Tensor) -> int:
    """Bytes kept for the backward pass to the architecture, without the weights."""
    own = {p.untyped_storage().data_ptr() for p in (*net.parameters(), *net.buffers())}
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    weights = {n: p.detach() for n, p in net.named_parameters()}
    values = [a.detach().requires_grad_() for a in relaxed.alphas]
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        logits = torch.func.functional_call(net, weights, (x, relaxed.selection(values, 0)))
        loss = F.cross_entropy(logits, y)
    loss.backward()
    return sum(sizes.values())


def tangle(x: Tensor, y: Tensor, rounds: int) -> dict[str, float]:
    """A step over entangled sizes against a step of the largest network alone, both with one step of the weights."""
    net = zoo.build("convnet", in_channels=3, classes=10, image_size=SIZE)
    step, _ = step_of(net, x, y, relaxation=Dirichlet())
    other = zoo.build("convnet", in_channels=3, classes=10, image_size=SIZE)
    largest = other.slice(extreme(other.space, np.random.default_rng(0), largest=True)).train()
    backward = Backward(largest)

    def alone() -> None:
        for _ in range(2):  # the search step sees two batches
            backward.optimizer.zero_grad(set_to_none=True)
            backward(F.cross_entropy(largest(x), y))
        backward.optimizer.step()

    return in_turn(step, alone, rounds)


def main(folder: str, rounds: int = 3) -> int:
    """Measure, print, write the record; 1 if a limit is broken."""
    steady_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y = torch.randn(BATCH, 3, SIZE, SIZE), torch.randint(10, (BATCH,))
    official, rows, first_order, full = official_step(Path(folder), x, y), [], None, None
    for name, slots in SYSTEMS.items():
        net = zoo.build("darts", in_channels=3, classes=10, image_size=SIZE, channels=CHANNELS, layers=LAYERS)
        step, relaxed = step_of(net, x.contiguous(memory_format=torch.channels_last), y, **slots)
        row: dict[str, Any] = {"system": name, **in_turn(step, official, rounds)}
        first_order = first_order or row["first_ms"]
        row["first_order_steps"] = row["first_ms"] / first_order
        if not relaxed.relaxation.sampled:
            row["kept_mb"] = kept(net, relaxed, x, y) / 1e6
            full = full or row["kept_mb"]
            row["of_the_mixture"] = row["kept_mb"] / full
        row |= {"limit": LIMITS.get(name), "memory_limit": MEMORY_LIMITS.get(name)}
        rows.append(row)
        print(row, flush=True)
    entangled = {"system": "tanglenas, convnet, against the largest network", "limit": 1.3, **tangle(x, y, 4 * rounds)}
    print(entangled)
    about = f"DARTS space, C = {CHANNELS}, {LAYERS} cells, batch {BATCH}, {SIZE} x {SIZE}, float32, one thread"
    target = write("gradient_step", {"about": about, "rounds": rounds, "rows": [*rows, entangled]})
    print(f"written to {target}")
    over = [r for r in [*rows, entangled] if r["limit"] and r["ratio"] > r["limit"]]
    over += [r for r in rows if r["memory_limit"] and r["of_the_mixture"] > r["memory_limit"]]
    neumann = next(r for r in rows if r["system"].startswith("idarts"))
    return int(bool(over) or neumann["first_order_steps"] > 4)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:3])))
