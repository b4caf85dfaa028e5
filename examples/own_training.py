"""A training function of one's own, searched trial by trial; no supernet.

Run:  python examples/own_training.py [trials.db]     (again: it continues)
A few seconds on one CPU core.
"""

import sys
from collections.abc import Iterator

import torch
from sklearn.datasets import load_digits
from torch import nn

import archwright as aw

SPACE = aw.Space(
    [
        aw.Ordinal("layers", (1, 2, 3)),
        aw.Ordinal("width", (16, 32, 64, 128)),
        aw.Choice("dropout", (False, True)),
        aw.Real("rate", 0.05, 0.5),
    ],
    when={"rate": {"dropout": [True]}},
)


def build(arch: aw.Arch) -> nn.Module:
    """The network of an architecture."""
    layers: list[nn.Module] = []
    size = 64
    for _ in range(arch["layers"]):
        layers += [nn.Linear(size, arch["width"]), nn.ReLU(), nn.Dropout(arch.get("rate", 0.0))]
        size = arch["width"]
    return nn.Sequential(*layers, nn.Linear(size, 10))


def train(arch: aw.Arch, *, seed: int) -> Iterator[aw.trial.Report]:
    """Costs first, so that a network over the limit is not trained; then one report every ten steps."""
    torch.manual_seed(seed)
    network = build(arch)
    yield aw.trial.Report(step=0, metrics={"params": aw.cost.params(network)})
    digits = load_digits()
    x, y = torch.tensor(digits.data).float() / 16, torch.tensor(digits.target)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    for step in range(1, 61):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network.train()(x[:1200]), y[:1200]).backward()
        optimizer.step()
        if step % 10 == 0:
            right = network.eval()(x[1200:1500]).argmax(1) == y[1200:1500]
            yield aw.trial.Report(step=step, metrics={"accuracy": 100 * right.float().mean().item()})


def main(storage: str = "trials.db", trials: int = 30) -> None:
    """Search under a limit, print what no other network beats."""
    objectives, limits = ("accuracy", "params"), {"params": 10_000}
    study = aw.Study(SPACE, "nsga2", train, objectives=objectives, limits=limits, storage=storage).run(trials=trials)
    for trial in study.pareto():
        print(f"{trial.metrics['accuracy']:.1f} %, {trial.metrics['params']:.0f} parameters: {dict(trial.arch)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
