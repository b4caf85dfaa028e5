"""What the sheet of ASAP claims, on a part of Fashion-MNIST at 8 x 8 pixels. Slow; figures are printed."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
import torch

from archwright import data, zoo
from archwright.gradient import (
    Adam,
    Annealed,
    Derivation,
    FirstOrder,
    GradientSearch,
    Magnitude,
    PruneBelow,
    Relaxation,
    Relaxed,
    Schedule,
    Session,
    Softmax,
    ranked,
)
from archwright.space import Arch
from archwright.train import Trainer

FASHION = Path(os.environ.get("ARCHWRIGHT_DATA", "nowhere")) / "images" / "fashion_mnist"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FASHION.exists(), reason="set ARCHWRIGHT_DATA to a folder with images/fashion_mnist"),
]


def fashion(samples: int) -> data.Splits:
    splits = data.load("fashion-mnist", seed=0, image_size=8)
    return dataclasses.replace(splits, train=splits.train.subset(torch.arange(samples)))


class Gap(Derivation):
    """Accuracy of the mixture, and of the one operation of every edge that is likeliest, with the same weights and all
    inputs."""

    def __init__(self) -> None:
        self.mixture = self.alone = self.entropy = 0.0

    def __call__(self, relaxed: Relaxed, session: Session) -> Arch:
        p = relaxed.probabilities().values()
        self.entropy = max(float(-(row * row.clamp_min(1e-12).log()).sum()) for row in p)
        chosen = {name: max(options, key=options.__getitem__) for name, options in ranked(relaxed).items()}
        self.mixture = session.judge(relaxed.mean())["accuracy"]
        self.alone = session.judge({**relaxed.mean(), **chosen})["accuracy"]
        return Magnitude()(relaxed, session)


def test_asap_loses_nothing_when_it_is_read_off() -> None:
    """Sheet of ASAP, must show 5, on cells of NAS-Bench-201: at the end the mixture is one network, while that of DARTS
    is not."""
    splits, gaps = fashion(1500), {}
    trainer = Trainer(epochs=30, batch_size=64, lr=0.05, precision="32", augment=None)
    methods: dict[str, tuple[Relaxation, Schedule | None]] = {
        "asap": (Annealed(start=1.6, factor=0.95, epochs=50), PruneBelow(threshold=0.4)),
        "darts": (Softmax(), None),
    }
    for name, (relaxation, schedule) in methods.items():
        gap = Gap()
        search = GradientSearch(
            *(relaxation, FirstOrder(), Adam(lr=0.03), schedule, gap), warmup=0.2, trainer=trainer, sharpness=False
        )
        with torch.random.fork_rng():
            torch.manual_seed(0)
            net = zoo.build_for(splits, "nasbench201", channels=8, cells=1)
        found = search.search(net, splits)
        options = [sum(map(len, entry["probabilities"].values())) for entry in found.history]
        print(name, vars(gap), options)
        assert options == sorted(options, reverse=True)
        gaps[name] = gap
    assert gaps["asap"].mixture - gaps["asap"].alone < 2.0
    assert gaps["darts"].mixture - gaps["darts"].alone > gaps["asap"].mixture - gaps["asap"].alone
