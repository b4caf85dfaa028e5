"""Which words a recipe may use."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping

from archwright.registry import Registry

_PLACES = {
    "space": ("archwright.zoo", "SPACES"),
    "sampler": ("archwright.supernet", "SAMPLERS"),
    "distillation": ("archwright.train", "DISTILLATIONS"),
    "estimator": ("archwright.estimate", "ESTIMATORS"),
    "strategy": ("archwright.search", "STRATEGIES"),
    "phase": ("archwright.run", "PHASES"),
    "data": ("archwright.data", "DATASETS"),
    "benchmark": ("archwright.bench", "BENCHMARKS"),
    "problem": ("archwright.bench", "PROBLEMS"),
    "relaxation": ("archwright.gradient", "RELAXATIONS"),
    "hypergradient": ("archwright.gradient", "HYPERGRADIENTS"),
    "update": ("archwright.gradient", "UPDATES"),
    "schedule": ("archwright.gradient", "SCHEDULES"),
    "derivation": ("archwright.gradient", "DERIVATIONS"),
}


def registry(kind: str) -> Registry:
    """The registry of one kind of part, such as space, sampler, estimator, strategy or phase."""
    module, attribute = _PLACES[kind]
    found = getattr(importlib.import_module(module), attribute)
    assert isinstance(found, Registry)
    return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What a recipe may name, and what it is turned into.

    Args:
        registries: registry of every kind of part.
        config: keyword-only dataclass whose fields are the top-level keys.
    """

    registries: Mapping[str, Registry]
    config: type

    @classmethod
    def installed(cls) -> Vocabulary:
        """Everything registered by this package and its plug-ins; imports the rooms."""
        config = importlib.import_module("archwright.run").Config
        return cls(registries={kind: registry(kind) for kind in _PLACES}, config=config)
