"""Variables of a space as Optuna distributions, and back. Imported only where Optuna is wanted."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from archwright.errors import UserError
from archwright.space import Choice, Ordinal, Real, Space

_MOST_OPTIONS = 1024  # a finer grid becomes a Real whose values are rounded

Stepped = IntDistribution | FloatDistribution


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """One Optuna distribution for each variable of `space`, in its order; parameters have the same values as in `Arch`.

    `Choice` becomes categorical, `Real` a float, `Ordinal` an integer with a step where its options are evenly spaced
    integers and categorical otherwise. Conditions and constraints of the space are not expressed.
    """
    return {variable.name: _distribution(variable) for variable in space.variables}


def _distribution(variable: Choice | Ordinal | Real | Any) -> BaseDistribution:
    if isinstance(variable, Real):
        return FloatDistribution(variable.low, variable.high, log=variable.log)
    options = variable.options
    if isinstance(variable, Ordinal) and all(type(o) is int for o in options):
        steps = {b - a for a, b in itertools.pairwise(options)} or {1}
        if len(steps) == 1:
            return IntDistribution(options[0], options[-1], step=steps.pop())
    return CategoricalDistribution(options)


def space_from_distributions(distributions: Mapping[str, BaseDistribution]) -> Space:
    """A flat space for Optuna distributions.

    Categorical ones become `Choice`, grids of at most 1024 numbers `Ordinal`, the rest `Real` (round with `to_param`).

    Raises:
        UserError: no distributions, or one of an unknown kind.
    """
    return Space([_variable(name, d) for name, d in distributions.items()])


def _variable(name: str, distribution: BaseDistribution) -> Choice | Ordinal | Real:
    if isinstance(distribution, CategoricalDistribution):
        return Choice(name, distribution.choices)
    if not isinstance(distribution, Stepped):
        raise UserError(f"parameter {name!r} has a {type(distribution).__name__}; allowed: categorical, int, float")
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is not None and not distribution.log and (high - low) / step < _MOST_OPTIONS:
        return Ordinal(name, tuple(_on_grid(distribution, i) for i in range(round((high - low) / step) + 1)))
    return Real(name, low, high, distribution.log)


def _on_grid(distribution: Stepped, position: int) -> int | float:
    return min(distribution.low + position * (distribution.step or 1), distribution.high)


def _snapped(distribution: Stepped, value: float) -> int | float:
    if distribution.step is None:
        return value
    return _on_grid(distribution, round((value - distribution.low) / distribution.step))


def to_param(distribution: BaseDistribution, value: Any) -> Any:
    """A value of the variable made from `distribution` as a parameter that Optuna accepts."""
    if isinstance(distribution, IntDistribution):
        return int(_snapped(distribution, value))
    if isinstance(distribution, FloatDistribution):
        return float(_snapped(distribution, value))
    return value


def to_value(distribution: BaseDistribution, param: Any) -> Any:
    """The value, in the variable made from `distribution`, of a parameter that Optuna has stored."""
    return _snapped(distribution, param) if isinstance(distribution, Stepped) else param
