"""Where a strategy stands among the others."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from archwright.bench._strategy_row import StrategyRow
from archwright.statistics import holm, ranks, signed_rank

_TINY = 1e-6  # of the regret after the first evaluation: what counts as the best itself


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """A row in its place.

    Args:
        row: the strategy.
        rank: by mean validation regret on its data set, from 1; None for expected random search.
        found_best: seeds at which the incumbent is as good as the best of the table or the optimum.
        p: of the paired signed-rank test against the first of the data set, by seed, Holm-corrected over the data set;
            None for the first one, and where fewer than two seeds are shared.
        mean_rank: over data sets and seeds (ties share the mean of their ranks); None with one data set, or where runs
            are missing.
    """

    row: StrategyRow
    rank: int | None
    found_best: int
    p: float | None
    mean_rank: float | None


def standings(rows: Sequence[StrategyRow]) -> list[Standing]:
    """Every row in its place, in the order of `evaluate_strategies`."""
    found = []
    means = _mean_ranks(rows)
    for dataset in dict.fromkeys(row.dataset for row in rows):
        here = [row for row in rows if row.dataset == dataset]
        raced = [row for row in here if not row.exact]
        p = _against_first(raced)
        for row in here:
            rank = None if row.exact else raced.index(row) + 1
            found.append(Standing(row, rank, _found_best(row), p.get(row.strategy), means.get(row.strategy)))
    return found


def _found_best(row: StrategyRow) -> int:
    if row.exact:
        return 0
    scale = float(np.nanmax(row.valid, initial=0.0))
    return int((row.valid[:, -1] <= _TINY * scale).sum())


def _against_first(raced: Sequence[StrategyRow]) -> dict[str, float]:
    """Corrected p-value of each strategy but the first."""
    raw = {}
    for row in raced[1:]:
        shared = [seed for seed in row.seeds if seed in raced[0].seeds]
        a, b = (np.array([r.valid[r.seeds.index(seed), -1] for seed in shared]) for r in (raced[0], row))
        if len(shared) > 1 and np.isfinite(a).all() and np.isfinite(b).all():
            raw[row.strategy] = signed_rank(a, b)
    return dict(zip(raw, holm(list(raw.values())).tolist(), strict=True))


def _mean_ranks(rows: Sequence[StrategyRow]) -> dict[str, float]:
    """Mean rank over blocks of one data set and seed, for strategies that are in all of them."""
    raced = [row for row in rows if not row.exact]
    datasets = list(dict.fromkeys(row.dataset for row in raced))
    seeds = {row.seeds for row in raced}
    if len(datasets) < 2 or len(seeds) > 1:
        return {}
    ends = {(row.strategy, row.dataset): row.valid[:, -1] for row in raced}
    names = [n for n in dict.fromkeys(row.strategy for row in raced) if all((n, d) in ends for d in datasets)]
    if not names:
        return {}
    table = np.array([np.concatenate([ends[name, dataset] for dataset in datasets]) for name in names])
    table[np.isnan(table)] = math.inf
    return dict(zip(names, ranks(table.T).mean(0).tolist(), strict=True))
