"""Zero-cost scores against the official procedures, step by step as they are published, on one network and batch.

NASWOT and SynFlow shall take at most 0.7 of the official procedure, KNAS and the Jacobian score shall be at least 3
times as fast as a loop over samples. `python benchmarks/zero_cost.py [rounds]` writes
`benchmarks/results/zero_cost.json`. Processor time of one thread, in turn (ABBA), medians.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from _measuring import steady_memory, write
from torch import Tensor, nn

from archwright import zoo
from archwright.estimate import score
from archwright.estimate.zerocost import Naswot
from archwright.estimate.zerocost._examples import alone, example_gradients
from archwright.space import Arch

LIMITS = {"naswot": 0.7, "synflow": 0.7, "knas": 1 / 3, "jacov": 1 / 3}
CELLS = {
    "all 3x3": ["nor_conv_3x3"] * 6,
    "mixed": ["nor_conv_3x3", "skip_connect", "nor_conv_1x1", "none", "nor_conv_3x3", "avg_pool_3x3"],
}


def layers(net: nn.Module) -> list[nn.Module]:
    """What most scores sum over."""
    return [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def official_naswot(net: nn.Module, x: Tensor) -> float:
    """Forward and backward of ones to mark rectifiers, second forward, two products a rectifier into one matrix."""
    net.train()
    seen: set[nn.Module] = set()
    kernel = np.zeros((len(x), len(x)))

    def mark(m: nn.Module, *_: object) -> None:
        seen.add(m)

    def add(m: nn.Module, inputs: tuple[Tensor], _: object) -> None:
        if m in seen:
            codes = (inputs[0].reshape(len(x), -1) > 0).float()
            kernel.__iadd__((codes @ codes.T).numpy() + ((1 - codes) @ (1 - codes).T).numpy())

    rectifiers = [m for m in net.modules() if isinstance(m, nn.ReLU)]
    handles = [m.register_full_backward_hook(mark) for m in rectifiers]
    net.zero_grad()
    leaf = x.clone().requires_grad_()
    out = net(leaf)
    out.backward(torch.ones_like(out))
    for handle in handles:
        handle.remove()
    handles = [m.register_forward_hook(add) for m in rectifiers]
    with torch.no_grad():
        net(x)
    for handle in handles:
        handle.remove()
    return float(np.linalg.slogdet(kernel)[1])


def official_synflow(net: nn.Module, x: Tensor) -> float:
    """Absolute values in place, float64, one sample of ones, backward into every parameter, signs put back."""
    signs = {name: torch.sign(p) for name, p in net.state_dict().items()}
    for p in net.state_dict().values():
        p.abs_()
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    handles = [m.register_forward_hook(lambda m, inputs, out: inputs[0]) for m in norms]
    net.eval().double().zero_grad()
    net(torch.ones_like(x[:1]).double()).sum().backward()
    total = sum(float((m.weight * m.weight.grad).detach().abs().sum()) for m in layers(net))
    for handle in handles:
        handle.remove()
    net.float().train()
    for name, p in net.state_dict().items():
        p.mul_(signs[name])
    return float(np.log(total))


def looped_knas(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """Forward and backward of every sample alone, the Gram matrix, its mean."""
    net.eval()
    rows = []
    for n in range(len(x)):
        net.zero_grad()
        F.cross_entropy(net(x[n : n + 1]), y[n : n + 1]).backward()
        rows.append(torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]))
    stacked = torch.stack(rows)
    return float((stacked @ stacked.T).mean())


def looped_gradients(net: nn.Module, names: list[str], x: Tensor, y: Tensor) -> Tensor:
    """Gradients of some tensors, sample by sample."""
    net.train()
    known = dict(net.named_parameters())
    rows = []
    for n in range(len(x)):
        net.zero_grad()
        F.cross_entropy(net(x[n : n + 1]), y[n : n + 1]).backward()
        rows.append(torch.cat([known[name].grad.flatten() for name in names]))
    return torch.stack(rows)


def vmapped_gradients(net: nn.Module, names: list[str], x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """The same by `torch.func`, as the release variant of KNAS does."""
    with alone():
        return example_gradients(net, names, x, y)


def looped_jacov(net: nn.Module, x: Tensor) -> float:
    """Backward of every sample alone to its pixels, then the score."""
    net.eval()
    rows = []
    for n in range(len(x)):
        leaf = x[n : n + 1].clone().requires_grad_()
        net(leaf).sum().backward()
        rows.append(leaf.grad.flatten().numpy())
    v = np.linalg.eigvalsh(np.corrcoef(np.stack(rows))) + 1e-5
    return float(-(np.log(v) + 1 / v).sum())


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> dict[str, float]:
    """Median processor seconds of both and of their ratio, pair by pair."""
    ours(), theirs()
    times: dict[int, list[float]] = {0: [], 1: []}
    for n in range(rounds):
        for which in (0, 1) if n % 2 == 0 else (1, 0):
            start = time.process_time()
            (ours, theirs)[which]()
            times[which].append(time.process_time() - start)
    ratios = [a / b for a, b in zip(times[0], times[1], strict=True)]
    return {
        "ours_s": statistics.median(times[0]),
        "official_s": statistics.median(times[1]),
        "ratio": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
    }


Pair = tuple[Callable[[], object], Callable[[], object]]


def pairs(net: nn.Module, other: nn.Module, x: Tensor, y: Tensor) -> dict[str, Pair]:
    """Ours on `net` and the official procedure on `other`, which has the same weights."""
    some, labels = x[:50], y[:50]
    first = [name for name, p in net.named_parameters() if p.numel() >= 50][:11]
    return {
        "naswot": (lambda: Naswot()(net, x), lambda: official_naswot(other, x)),
        "synflow": (lambda: score("synflow", net, x), lambda: official_synflow(other, x)),
        "knas": (
            lambda: score("knas", net, (some, labels), statistics="stored"),
            lambda: looped_knas(other, some, labels),
        ),
        "knas per-sample gradients": (
            lambda: vmapped_gradients(net, first, some, labels),
            lambda: looped_gradients(other, first, some, labels),
        ),
        "jacov": (lambda: score("jacov", net, x[:64]), lambda: looped_jacov(other, x[:64])),
    }


def main(rounds: int = 5) -> int:
    """Measure, print, write the record; 1 if a limit is broken."""
    steady_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    supernet = zoo.build("nasbench201", in_channels=3, classes=10, image_size=32)
    x, y = torch.randn(128, 3, 32, 32), torch.randint(10, (128,))
    rows = []
    for cell, operations in CELLS.items():
        arch = Arch(dict(zip((v.name for v in supernet.space.variables), operations)))
        for name, (ours, theirs) in pairs(supernet.slice(arch), supernet.slice(arch), x, y).items():
            row = {"score": name, "cell": cell, "limit": LIMITS.get(name), **in_turn(ours, theirs, rounds)}
            rows.append(row)
            print(
                f"{name:26} {cell:8} {row['ours_s']:7.3f} s {row['official_s']:7.3f} s  {row['ratio']:.3f}", flush=True
            )
    about = "NAS-Bench-201 networks, 32 x 32; NASWOT 128 images, KNAS 50, jacov 64, SynFlow 1; processor time"
    target = write("zero_cost", {"about": about, "rounds": rounds, "threads": 1, "rows": rows})
    print(f"written to {target}")
    return int(any(row["limit"] and row["ratio"] > row["limit"] for row in rows))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
