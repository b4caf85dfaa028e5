"""Which network comes nearest when none meets the limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from archwright.trial import Trial, broken, excess


def missed(trials: Iterable[Trial], limits: Mapping[str, float]) -> str:
    """One line: no network meets the limits, the nearest, and by how much it misses."""
    known = [t for t in trials if t.metrics]
    if not known:
        return "no network meets the limits: no candidate could be judged"
    nearest = min(known, key=lambda t: excess(t.metrics, limits))
    misses = ", ".join(
        f"{name} {value:,.6g} instead of at most {limit:,.6g} (+{100 * (value / limit - 1):.1f} %)"
        for name, (value, limit) in broken(nearest.metrics, limits).items()
    )
    misses = misses or "all costs within them but no score"
    return f"no network meets the limits; the nearest of {len(known)} has {misses}: {dict(nearest.arch)}"
