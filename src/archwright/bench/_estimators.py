"""What can be asked for a score of an architecture of a benchmark, by name."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from archwright.bench._benchmark import Benchmark
from archwright.errors import UserError, nearest
from archwright.estimate.zerocost import SCORES

TABLE = "table:"
_COSTS = ("params", "flops")


def baselines(benchmark: Benchmark, seed: int) -> dict[str, NDArray[np.float64]]:
    """(n,) scores each of what needs no estimator: costs and counts of the table, and random numbers."""
    costs = {name: benchmark.values(name) for name in _COSTS if name in benchmark.metrics}
    rng = np.random.default_rng((seed, len(benchmark)))
    return {**costs, **benchmark.counts(), "random": rng.random(len(benchmark))}


def sorted_out(benchmark: Benchmark, names: Iterable[str], known: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names of scores to compute and of published ones, each once and without the baselines, which are always there.

    Args:
        benchmark: what is judged on.
        names: as the user gave them.
        known: baselines.

    Raises:
        UserError: unknown name.
    """
    baseline, computed, published = set(known), SCORES.names(), [TABLE + name for name in benchmark.scores]
    wanted = [name for name in dict.fromkeys(names) if name not in baseline]
    for name in wanted:
        if name not in (*computed, *published):
            raise UserError(f"unknown estimator {name!r}{nearest(name, [*computed, *published, *baseline])}")
    return [n for n in wanted if n in computed], [n for n in wanted if n in published]
