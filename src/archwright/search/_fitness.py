"""Comparing trials under limits: feasible before infeasible, then by objectives.

Constraint handling follows Deb, Pratap, Agarwal and Meyarivan (2002), "A fast and elitist multiobjective genetic
algorithm: NSGA-II", IEEE Transactions on Evolutionary Computation 6(2), section VI.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from archwright.trial import Objective, Trial, excess

Floats = NDArray[np.float64]


def fitness(trial: Trial, objectives: Sequence[Objective], limits: Mapping[str, float]) -> tuple[float, ...]:
    """`(violation, loss of objective 1, loss of objective 2, ...)`, every entry to minimise.

    The violation is the total relative excess over the limits. A failed trial, and a feasible one without a finite
    value of some objective, is infinite throughout; an infeasible one that lacks objectives is infinite in these.
    """
    metrics = trial.metrics
    if trial.state == "failed":
        return (math.inf,) * (len(objectives) + 1)
    violation = excess(metrics, limits) if limits else 0.0
    losses = [o.loss(metrics) if o.metric in metrics else math.inf for o in objectives]
    if violation > 0:
        return (violation, *(loss if math.isfinite(loss) else math.inf for loss in losses))
    if not all(map(math.isfinite, losses)):
        return (math.inf,) * (len(objectives) + 1)
    return (violation, *losses)


def non_dominated(losses: Floats) -> NDArray[np.bool_]:
    """Mask of the rows of `losses` (trials, objectives) that no other row dominates; equal rows are kept together.

    In lexicographic order nothing is dominated by a later row, so each round keeps the first row left and drops what it
    dominates: O(front size x trials).
    """
    alive = np.lexsort(losses.T[::-1])
    front = np.zeros(len(losses), dtype=bool)
    while len(alive):
        rest = losses[alive]
        front[alive[np.asarray(rest == rest[0]).all(axis=1)]] = True
        alive = alive[np.asarray(rest < rest[0]).any(axis=1)]
    return front


def fronts(losses: Floats) -> NDArray[np.int64]:
    """Non-domination rank of each row of `losses` (trials, objectives), 0 for the best front (Deb et al. 2002, III-A).

    Makes a (trials, trials) table: meant for populations, not for whole histories.
    """
    if losses.shape[1] == 1:
        return np.unique(losses, return_inverse=True)[1].reshape(-1)
    below = np.asarray((losses[:, None] <= losses[None]).all(axis=2))
    dominates = below & ~below.T
    dominated_by = dominates.sum(axis=0)
    ranks = np.full(len(losses), -1, dtype=np.int64)
    rank = 0
    while (ranks < 0).any():
        front = (dominated_by == 0) & (ranks < 0)
        ranks[front] = rank
        dominated_by = dominated_by - dominates[front].sum(axis=0)
        rank += 1
    return ranks


def constrained_fronts(table: Floats) -> NDArray[np.int64]:
    """Rank of each row of `table` (trials, 1 + objectives) of `fitness` values under constrained domination.

    Feasible rows are ranked by non-domination; infeasible ones follow, each distinct violation a front of its own.
    """
    violation = table[:, 0]
    feasible = violation <= 0
    ranks = np.empty(len(table), dtype=np.int64)
    ranks[feasible] = fronts(table[feasible, 1:])
    first = ranks[feasible].max(initial=-1) + 1
    ranks[~feasible] = first + np.unique(violation[~feasible], return_inverse=True)[1].reshape(-1)
    return ranks


def crowding(table: Floats, ranks: NDArray[np.int64]) -> Floats:
    """Crowding distance of each row within its front (Deb et al. 2002, III-B), infinite at the ends of an objective.

    Args:
        table: `fitness` values, (trials, 1 + objectives).
        ranks: front of each row, (trials,).
    """
    distance = np.zeros(len(table))
    for losses in table[:, 1:].T:
        order = np.lexsort((losses, ranks))
        ordered, front = losses[order], ranks[order]
        starts, ends = np.ones((2, len(table)), dtype=bool)
        starts[1:] = ends[:-1] = front[1:] != front[:-1]
        share = np.zeros(len(table))
        with np.errstate(invalid="ignore"):  # infinite minus infinite
            span = (ordered[ends] - ordered[starts])[np.cumsum(starts) - 1]
            share[1:-1] = (ordered[2:] - ordered[:-2]) / np.where(span > 0, span, np.inf)[1:-1]
        share[np.isnan(share)] = 0.0
        share[starts | ends] = np.inf
        distance[order] += share
    return distance
