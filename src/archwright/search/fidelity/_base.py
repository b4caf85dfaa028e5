"""Strategies inside other strategies."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archwright.errors import UserError
from archwright.registry import Part
from archwright.search._registry import STRATEGIES
from archwright.search._strategy import Strategy
from archwright.space import Space
from archwright.trial import Objective

Base = Part | str | Callable[..., Strategy]
"""A strategy to be built: a registered name, that with settings, or a class or function with the same arguments."""

RANDOM = Part("strategy", "random")


def built(
    base: Base, space: Space, *, objectives: Sequence[Objective], limits: Mapping[str, float], seed: int, **offered: Any
) -> Strategy:
    """A new instance.

    Args:
        base: what to build.
        space, objectives, limits, seed: of the strategy around it.
        **offered: further arguments, of which it gets those it has.
    """
    runtime = {"space": space, "objectives": objectives, "limits": limits, "seed": seed}
    part = Part("strategy", base) if isinstance(base, str) else base
    if isinstance(part, Part):
        runtime |= {name: value for name, value in offered.items() if name not in part.settings}
        strategy = part.build(STRATEGIES, **runtime)
    else:
        accepted = inspect.signature(part).parameters
        strategy = part(**runtime, **{name: value for name, value in offered.items() if name in accepted})
    if not isinstance(strategy, Strategy):
        raise UserError(f"base must build a strategy, got {strategy!r:.60}")
    return strategy


def described(base: Base, inner: Strategy) -> dict[str, float | int | str | bool | None]:
    """Name and settings of a base as settings of the strategy around it."""
    if isinstance(base, Part):
        name = base.name
    else:
        name = base if isinstance(base, str) else type(inner).__name__
    return {"base": name, **{f"base.{key}": value for key, value in inner.settings.items()}}
