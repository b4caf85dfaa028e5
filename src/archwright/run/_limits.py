"""Which network comes nearest when none meets the limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from archwright.trial import Trial, excess, misses


def missed(trials: Iterable[Trial], limits: Mapping[str, float]) -> str:
    """One line: no network meets the limits, the nearest, and by how much it misses."""
    known = [t for t in trials if t.metrics]
    if not known:
        return "no network meets the limits: no candidate could be judged"
    nearest = min(known, key=lambda t: excess(t.metrics, limits))
    over = misses(nearest.metrics, limits) or "all costs within them but no score"
    return f"no network meets the limits; the nearest of {len(known)} has {over}: {dict(nearest.arch)}"
