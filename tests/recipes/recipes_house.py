"""A small house of fake parts, so that the loader is tested apart from the real ones."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest

from archwright.errors import UserError
from archwright.parts import Vocabulary
from archwright.registry import Part, Registry

if TYPE_CHECKING:
    from nowhere import Space


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trainer:
    """Fake trainer."""

    epochs: int = 10
    lr: float = 0.1
    schedule: Literal["cosine", "linear"] = "cosine"
    betas: tuple[float, ...] = (0.9, 0.999)
    augment: str | Callable[[Any], Any] | None = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UserError(f"epochs must be at least 1, got {self.epochs}")


class Nsga2:
    """Fake strategy: constrained."""

    def __init__(
        self, space: Space, *, objectives: tuple[str, ...] = ("accuracy",), seed: int = 0, population: int = 24,
        rate: float | None = None, key: Callable[[Any], float] = len,
    ) -> None:  # fmt: skip
        self.population = population


class Random:
    """Fake strategy: uniform."""

    def __init__(self, space: Space, *, seed: int = 0) -> None:
        pass


class Shared:
    """Fake estimator."""

    def __init__(self, *, net: Any, batches: int = 4, exact: bool = True) -> None:
        pass


class Sandwich:
    """Fake sampler."""

    def __init__(self, *, random: int = 2) -> None:
        if random < 0:
            raise UserError(f"random must be at least 0, got {random}")


def convnet(
    in_channels: int, classes: int, image_size: int, *, width: int = 16, kernels: tuple[int, ...] = (3, 5)
) -> None:
    """Fake space."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSupernet:
    """Fake phase."""

    sampler: Annotated[Part, "sampler"] = Part("sampler", "sandwich")
    trainer: Trainer = dataclasses.field(default_factory=lambda: Trainer(epochs=60, lr=0.2))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """Fake phase."""

    strategy: Annotated[Part, "strategy"]
    estimator: Annotated[Part, "estimator"] | None = None
    trials: int | None = None
    also: tuple[Annotated[Part, "strategy"], ...] = ()
    by_name: Mapping[str, Annotated[Part, "estimator"]] = dataclasses.field(default_factory=dict)
    table: Path | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choose:
    """Fake phase."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Fake configuration."""

    recipe: str = ""
    about: str = ""
    data: str
    space: Annotated[Part, "space"] = Part("space", "convnet")
    net: str | None = None
    objectives: tuple[str, ...] = ("accuracy",)
    limits: Mapping[str, float] = dataclasses.field(default_factory=dict)
    seed: int = 0
    minutes: float | None = None
    phases: tuple[Part, ...]


@pytest.fixture
def vocabulary(monkeypatch):
    """Fake registries of every kind."""
    house = ModuleType("fake_house")
    for item in (Nsga2, Random, Shared, Sandwich, convnet, TrainSupernet, Search, Choose):
        setattr(house, item.__name__, item)
    monkeypatch.setitem(sys.modules, "fake_house", house)

    def registry(kind: str, **entries: str) -> Registry:
        return Registry(kind, {name.replace("_", "-"): f"fake_house:{target}" for name, target in entries.items()})

    return Vocabulary(
        registries={
            "strategy": registry("strategy", nsga2="Nsga2", random="Random"),
            "estimator": registry("estimator", shared_weights="Shared"),
            "sampler": registry("sampler", sandwich="Sandwich"),
            "space": registry("space", convnet="convnet"),
            "phase": registry("phase", train_supernet="TrainSupernet", search="Search", choose="Choose"),
            "data": registry("data", digits="Choose", cifar10="Choose"),
        },
        config=Config,
    )
