"""Estimators around other estimators."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from archwright.data import Splits
from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.registry import Part
from archwright.space import Arch
from archwright.supernet import Supernet
from archwright.trial import Report

TRAIN = Part("estimator", "train")


def built(inner: Part, net: Supernet, splits: Splits) -> Estimator:
    """The estimator that a recipe names inside another one."""
    from archwright.estimate import ESTIMATORS  # it lists the part that asks

    estimator: Estimator = inner.build(ESTIMATORS, net=net, splits=splits)
    return estimator


@contextmanager
def closing(reports: Iterator[Report]) -> Iterator[Iterator[Report]]:
    """Ends a training that is under way when its reader is left."""
    try:
        yield reports
    finally:
        if isinstance(reports, Generator):
            reports.close()


def final(estimator: Estimator, arch: Arch, metric: str, *, budget: float | None = None, seed: int = 0) -> float:
    """The last value of `metric` that the estimator reports.

    Raises:
        UserError: it reports none.
    """
    value: float | None = None
    for report in estimator(arch, budget=budget, seed=seed):
        value = report.metrics.get(metric, value)
    if value is None:
        raise UserError(f"{estimator.source!r} reports no {metric!r}")
    return value
