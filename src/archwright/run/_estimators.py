"""How the search phases of a run judge architectures, asked before they begin."""

from __future__ import annotations

from archwright.data import Splits
from archwright.estimate import ESTIMATORS, Estimator
from archwright.registry import Part
from archwright.run._config import Config
from archwright.run._phases import PHASES
from archwright.supernet import Supernet


def estimators(config: Config, net: Supernet, splits: Splits) -> list[Estimator]:
    """The estimator of every search phase, in order; nothing is judged."""
    named = (getattr(phase.build(PHASES), "estimator", None) for phase in config.phases)
    return [part.build(ESTIMATORS, net=net, splits=splits) for part in named if isinstance(part, Part)]


def looks_at_weights(config: Config, net: Supernet, splits: Splits) -> bool:
    """Whether anything in the run needs a trained supernet: an estimator, or an answer that is not trained alone."""
    names = [phase.name for phase in config.phases]
    judges = estimators(config, net, splits)
    return not judges or "train" not in names or any(judge.shared for judge in judges)
