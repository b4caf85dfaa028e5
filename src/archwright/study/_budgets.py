"""Strategies that choose budgets, and estimators that take them."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from archwright.errors import UserError
from archwright.search import Strategy

_UNSAID = object()


def offered(estimator: object) -> dict[str, Any]:
    """What a strategy may take from an estimator: `max_budget`, what it spends by default, and the only `budgets`."""
    found: dict[str, Any] = {}
    budget, budgets = getattr(estimator, "budget", None), getattr(estimator, "budgets", ())
    if budget is not None and math.isfinite(budget):
        found["max_budget"] = float(budget)
    if budgets:
        found["budgets"] = tuple(budgets)
    return found


def check_budgets(strategy: Strategy, estimator: object, keywords: Collection[str] = ("budget",)) -> None:
    """Nothing, if the estimator takes the budgets that the strategy chooses.

    Args:
        strategy: any.
        estimator: an `Estimator`, or a function.
        keywords: of `budget` and `seed`, those it can be called with.

    Raises:
        UserError: it does not.
    """
    if not strategy.budgeted:
        return
    name = type(strategy).__name__
    if getattr(estimator, "budget", _UNSAID) is None:
        source = getattr(estimator, "source", "function")
        raise UserError(
            f"{name} chooses how long each candidate is trained, but the estimator {source!r} takes no budget; "
            "use one that does, such as train"
        )
    if "budget" not in keywords:
        raise UserError(f"{name} chooses the budget of each trial: the estimator must take it as budget=")
