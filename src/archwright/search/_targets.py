"""Losses made fit for a Gaussian process."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ranked(losses: Floats) -> Floats:
    """Normal scores of the average ranks, Phi^-1((r - 1/2) / n), then standardised: only the order matters."""
    scores = scipy.special.ndtri((scipy.stats.rankdata(losses) - 0.5) / len(losses))
    return _standardised(scores)


def copula(losses: Floats) -> Floats:
    """Normal scores Phi^-1(r / (n + 1)), ties at their largest rank (Wan et al. 2021, reference code)."""
    return np.asarray(scipy.special.ndtri(scipy.stats.rankdata(losses, method="max") / (len(losses) + 1)))


def standardised(losses: Floats) -> Floats:
    """Zero mean and unit variance; failed trials (infinite) count as the worst of the others."""
    return _standardised(finite(losses))


def finite(losses: Floats) -> Floats:
    """`losses` with the infinite ones at the largest of the others, 0 if there is no other."""
    known = np.isfinite(losses)
    return np.where(known, losses, losses[known].max(initial=-np.inf) if known.any() else 0.0)


def _standardised(values: Floats) -> Floats:
    deviation = values.std()
    return (values - values.mean()) / (deviation if deviation > 0 else 1.0)


TARGETS: Mapping[str, Callable[[Floats], Floats]] = {
    "rank": ranked,
    "copula": copula,
    "standard": standardised,
}
