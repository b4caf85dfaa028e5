"""Any relaxation, hypergradient and derivation on any zoo space: five steps, or one sentence that says why not.

Every pair of two slots occurs; a third slot goes round.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from archwright import data, zoo
from archwright.errors import UserError
from archwright.gradient import (
    DERIVATIONS,
    HYPERGRADIENTS,
    RELAXATIONS,
    UPDATES,
    Adam,
    AutomaticRelevance,
    GradientSearch,
    ImportanceWeighted,
    Neumann,
    Perturbation,
    Posterior,
    Relaxation,
    Relaxed,
    ScalingFactors,
    ScoreFunction,
    TrainingSpeed,
)
from archwright.train import Trainer

SPACES: dict[str, dict[str, Any]] = {
    "conv-macro": {"image_size": 12},
    "convnet": {"image_size": 8},
    "darts": {"image_size": 8, "channels": 4, "layers": 3},
    "darts-s4": {"image_size": 8, "channels": 4, "layers": 3},
    "dso-nas": {"image_size": 8, "channels": 4, "stages": 1, "blocks": 1, "levels": 2},
    "entangled-cell": {"image_size": 8, "channels": 4},
    "mlp": {"width": 16},
    "nasbench201": {"image_size": 8, "channels": 4, "cells": 1},
    "proxyless": {"image_size": 8, "width": 0.25, "stages": 2, "blocks": 2, "head": 16},
}
STEPS, BATCH, CHANNELS, CLASSES = 5, 4, 2, 3


def combinations() -> list[tuple[str, str, str, str]]:
    """Relaxation with space, relaxation with hypergradient, hypergradient with space; what is left goes round."""
    relaxations, gradients = RELAXATIONS.names(), HYPERGRADIENTS.names()
    spaces, derivations = list(SPACES), itertools.cycle(DERIVATIONS.names())
    found = []
    for n, (relaxation, space) in enumerate(itertools.product(relaxations, spaces)):
        found.append((relaxation, gradients[n % len(gradients)], space))
    for n, (gradient, space) in enumerate(itertools.product(gradients, spaces)):
        found.append((relaxations[(n + n // len(relaxations)) % len(relaxations)], gradient, space))
    for n, (relaxation, gradient) in enumerate(itertools.product(relaxations, gradients)):
        found.append((relaxation, gradient, spaces[n % len(spaces)]))
    return [(*names, _affordable(names[-1], next(derivations))) for names in dict.fromkeys(found)]


def _affordable(space: str, derivation: str) -> str:
    """Perturbation of the DARTS cells judges hundreds of mixtures; the other spaces have it."""
    return "magnitude" if space.startswith("darts") and derivation == "perturbation" else derivation


def splits(space: str) -> data.Splits:
    """Random data for five steps of both halves."""
    generator = torch.Generator().manual_seed(0)
    size = SPACES[space].get("image_size")
    count = 4 * STEPS * BATCH
    shape = (count, 7) if size is None else (count, CHANNELS, size, size)
    x, y = torch.randn(shape, generator=generator), torch.arange(count) % CLASSES
    return data.load(torch.utils.data.TensorDataset(x, y), seed=0)


class Steps:
    """Counts steps of the weights."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, done: float, planned: float) -> None:
        self.seen += done > 0


@pytest.mark.filterwarnings("ignore:the Neumann series grows")
@pytest.mark.parametrize(("relaxation", "hypergradient", "space", "derivation"), combinations())
def test_five_steps_or_a_sentence(relaxation: str, hypergradient: str, space: str, derivation: str) -> None:
    relaxed, h = RELAXATIONS.load(relaxation)(), shortened(HYPERGRADIENTS.load(hypergradient)())
    derive = DERIVATIONS.load(derivation)()
    if isinstance(derive, Perturbation):
        derive = Perturbation(interval=1, samples=BATCH)
    update = AutomaticRelevance(every=2) if isinstance(derive, Posterior) else Adam()
    slots: Mapping[str, Any] = {"relaxation": relaxed, "hypergradient": h, "update": update, "derive": derive}
    trainer = Trainer(epochs=1, batch_size=BATCH, lr=0.001, clip=1.0, precision="32", augment=None)
    settings: Mapping[str, Any] = {**slots, "trainer": trainer, "sharpness": False}
    if relaxed.sampled != isinstance(h, ScoreFunction) or (isinstance(derive, Posterior) and not fits(relaxed)):
        with pytest.raises(UserError, match=r"^[^\n]+$"):
            GradientSearch(**settings)
        return
    search = GradientSearch(**settings)
    net, steps = build(space), Steps()
    found = search.search(net, splits(space), on_update=steps)
    assert found.arch in net.space
    assert steps.seen >= STEPS
    assert all(isinstance(a, Tensor) and a.isfinite().all() for a in found.relaxed.alphas)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("update", UPDATES.names())
def test_every_update_moves_the_architecture_of_every_space(update: str, space: str) -> None:
    kind = UPDATES.load(update)
    slots: dict[str, Any] = {"hypergradient": HYPERGRADIENTS.load("first-order")(), "update": kind()}
    if kind is AutomaticRelevance:
        slots |= {"relaxation": ScalingFactors(), "update": kind(every=2), "derive": Posterior()}
    else:
        slots |= {"relaxation": RELAXATIONS.load("softmax")(), "derive": DERIVATIONS.load("magnitude")()}
    trainer = Trainer(epochs=1, batch_size=BATCH, lr=0.001, clip=1.0, precision="32", augment=None)
    net = build(space)
    found = GradientSearch(**slots, trainer=trainer, sharpness=False).search(net, splits(space))
    assert found.arch in net.space
    start = Relaxed(build(space), slots["relaxation"], slots["update"], none=found.relaxed.zeros)
    moved = [float((a - b).abs().max()) for a, b in zip(found.relaxed.alphas, start.alphas, strict=True)]
    assert all(0 < m < torch.inf for m in moved)


def shortened(h: Any) -> Any:
    """The hypergradient itself, with two steps or samples where it takes many."""
    if isinstance(h, TrainingSpeed):
        return TrainingSpeed(steps=2)
    if isinstance(h, Neumann):
        return Neumann(terms=2)
    return ImportanceWeighted(samples=2) if isinstance(h, ImportanceWeighted) else h


def fits(relaxation: Relaxation) -> bool:
    """Whether BayesNAS can infer variances of its factors."""
    return isinstance(relaxation, ScalingFactors)


def build(space: str) -> Any:
    """A small supernet."""
    settings = dict(SPACES[space])
    size = settings.pop("image_size", None)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return zoo.build(
            space, in_channels=7 if size is None else CHANNELS, classes=CLASSES, image_size=size, **settings
        )
