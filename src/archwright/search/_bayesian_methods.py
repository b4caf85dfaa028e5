"""Bayesian optimisers by name: a kernel, an acquisition and a way of making candidates each."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from archwright.search._bayesian_optimisation import BayesianOptimisation
from archwright.search._gaussian_process import Ranges
from archwright.search.candidates._evolution import Evolution
from archwright.search.candidates._genetic import Genetic
from archwright.space import Space
from archwright.trial import Objective


def gp(
    space: Space,
    *,
    kernel: str = "hamming",
    acquisition: str = "ei",
    batch: str = "fantasies",
    candidates: str = "local",
    targets: str = "rank",
    initial: int = 10,
    refit: int = 5,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> BayesianOptimisation:
    """Plain Bayesian optimisation: Gaussian process with a Hamming kernel on ranks, expected improvement.

    The method that elaborate ones have to beat.

    Args:
        space: where to search.
        kernel: registered name (`archwright.search.kernels.names()`).
        acquisition: `"ei"`, `"ucb"` or `"thompson"`.
        batch: `"fantasies"`, `"k-dpp"`, `"local-penalty"` or `"independent"`.
        candidates: `"local"`, `"mutations"`, `"evolution"`, `"genetic"` or `"random"`.
        targets: `"rank"`, `"copula"` or `"standard"`.
        initial: random architectures at the beginning.
        refit: least number of new trials before hyper-parameters are fitted again.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.
    """
    return BayesianOptimisation(
        space,
        kernel=kernel,
        acquisition=acquisition,
        batch=batch,
        candidates=candidates,
        targets=targets,
        initial=initial,
        refit=refit,
        objectives=objectives,
        limits=limits,
        seed=seed,
    )


def tw_nas(
    space: Space,
    *,
    acquisition: str = "ei",
    candidates: str = "local",
    targets: str = "rank",
    initial: int = 10,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> BayesianOptimisation:
    """TW-NAS: tree-Wasserstein kernel of operations and degrees; batches from a quality k-DPP.

    Nguyen, Le, Yamada and Osborne (ICML 2021, arXiv 2006.07593).

    Args:
        space: where to search; `space.graph` draws the cells.
        acquisition: of single proposals: `"ei"`, `"ucb"` or `"thompson"`; a batch is one draw of the k-DPP.
        candidates: `"local"`, or `"mutations"` of the ten best as in the paper.
        targets: `"rank"`, or `"standard"` values as in the paper.
        initial: random architectures at the beginning. Paper: 20, in batches 50.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.
    """
    return BayesianOptimisation(
        space,
        kernel="tree-wasserstein",
        acquisition=acquisition,
        batch="k-dpp",
        candidates=candidates,
        targets=targets,
        initial=initial,
        objectives=objectives,
        limits=limits,
        seed=seed,
    )


def nasbot(
    space: Space,
    *,
    initial: int = 10,
    size: int | None = None,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> BayesianOptimisation:
    """NASBOT: kernel of the OTMANN distance, expected improvement, evolution on the acquisition.

    Kandasamy, Neiswanger, Schneider, Poczos and Xing (NeurIPS 2018, arXiv 1802.07191). Pending architectures are
    hallucinated.

    Args:
        space: where to search; `space.graph` draws the networks.
        initial: random architectures at the beginning.
        size: candidates an acquisition is evaluated at; None: 25 sqrt(trials), from 50 to 500.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.
    """
    return BayesianOptimisation(
        space,
        kernel="otmann",
        candidates=functools.partial(Evolution, size=size),
        targets="standard",
        initial=initial,
        objectives=objectives,
        limits=limits,
        seed=seed,
    )


def string_kernel_bo(
    space: Space,
    *,
    initial: int = 5,
    population: int = 100,
    generations: int = 10,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> BayesianOptimisation:
    """BOSS: sub-sequence string kernel of serialised architectures, genetic algorithm on the expected improvement.

    Moss, Beck, Gonzalez, Leslie and Rayson (NeurIPS 2020, arXiv 2010.00979).

    Args:
        space: where to search; an architecture is the string of its values in the order of the variables.
        initial: random architectures at the beginning.
        population: of the genetic algorithm.
        generations: of it, at least.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.
    """
    return BayesianOptimisation(
        space,
        kernel="string",
        candidates=functools.partial(Genetic, population=population, generations=generations),
        targets="standard",
        initial=initial,
        ranges=Ranges(noise=(1e-6, 0.1), noise_prior=None),
        objectives=objectives,
        limits=limits,
        seed=seed,
    )
