"""Any Optuna sampler as a strategy."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, final

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from archwright.errors import UserError
from archwright.search._distributions import distributions
from archwright.search._fitness import fitness
from archwright.search._strategy import Strategy
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial

_TRIES = 100


@final
class FromOptuna(Strategy):
    """An Optuna sampler that proposes architectures, with conditions as define-by-run and limits as constraints.

    The sampler works on an in-memory Optuna study to which trials are told in their order, each as if it had been asked
    for at that moment, so what the sampler knows does not depend on batches. Failed trials are unknown to it, as is
    Optuna's custom; those refused before training count as infeasible. Where the space has constraints (`where`),
    draws are repeated, in the end by uniform sampling.

    Args:
        space: where to search.
        sampler: function from an integer seed to a sampler, called for every proposal, so that a continued run proposes
            the same; or one sampler instance, which keeps its own random state and does not promise that.
        objectives: metrics to improve; the sampler must take as many.
        limits: upper limits on metrics, told as constraints (relative excess); not every sampler heeds them.
        seed: non-negative integer.
    """

    def __init__(
        self,
        space: Space,
        sampler: Callable[[int], BaseSampler] | BaseSampler,
        *,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        self.sampler = sampler
        self._distributions = distributions(space)
        self._when = space.when
        self._order = (*(n for n in space.names if n not in self._when), *self._when)
        self._open: dict[Arch, list[optuna.Trial]] = {}
        self._worst = [0.0] * len(self.objectives)
        with _quiet():
            self._study = optuna.create_study(directions=["minimize"] * len(self.objectives))

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        if isinstance(self.sampler, BaseSampler):
            return {"sampler": type(self.sampler).__name__}
        known = self.sampler.keywords if isinstance(self.sampler, functools.partial) else {}
        return {"sampler": type(self.sampler(0)).__name__, **known}

    def _propose(self, rng: np.random.Generator) -> Arch:
        self._seat(int(rng.integers(2**32)))
        for _ in range(_TRIES):
            trial = self._study.ask()
            arch = self._suggest(trial)
            if arch is not None:
                self._open.setdefault(arch, []).append(trial)
                return arch
            self._study.tell(trial, state=TrialState.FAIL)
        return self.space.sample(rng)

    def _seat(self, seed: int) -> None:
        self._study.sampler = self.sampler if isinstance(self.sampler, BaseSampler) else self.sampler(seed)

    def _suggest(self, trial: optuna.Trial) -> Arch | None:
        """The architecture that the sampler gives to `trial`, None when it breaks a constraint of the space."""
        values: dict[str, Any] = {}
        for name in self._order:
            if self._holds(name, values):
                values[name] = _suggest(trial, name, self._distributions[name])
        try:
            return self.space.arch(values)
        except UserError:
            return None

    def _holds(self, name: str, values: Mapping[str, Any]) -> bool:
        """Whether `name` is active, given the values of its parents."""
        terms = self._when.get(name, [{}])
        return any(all(p in values and values[p] in allowed for p, allowed in term.items()) for term in terms)

    def _observe(self, trial: Trial) -> None:
        asked = self._open.get(trial.arch)
        if asked:
            self._study.tell(asked.pop(0), state=TrialState.FAIL)
        violation, *losses = fitness(trial, self.objectives, self.limits)
        if not np.isfinite(violation):
            return
        self._worst = [max(w, v) if np.isfinite(v) else w for w, v in zip(self._worst, losses, strict=True)]
        self._register(trial, [v if np.isfinite(v) else w for v, w in zip(losses, self._worst, strict=True)])

    def _register(self, trial: Trial, losses: list[float]) -> None:
        """Add a finished trial to Optuna's study through its front door, so that samplers can note what they need."""
        self._seat(self.told)
        self._study.enqueue_trial(dict(trial.arch))
        told = self._study.ask()
        _ = told.relative_params  # samplers such as NSGA-II number their generations here
        for name in trial.arch:
            _suggest(told, name, self._distributions[name])
        for name, limit in self.limits.items():
            if name in trial.metrics:
                told.set_constraint(name, (float(trial.metrics[name]) - limit) / (abs(limit) or 1.0))
        self._study.tell(told, losses)


def _suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(name, distribution.low, distribution.high, step=distribution.step)
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    raise TypeError(f"no suggestion for {distribution}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from announcing a study that the user did not ask for."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(level, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def tpe(
    space: Space,
    *,
    startup: int = 10,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> FromOptuna:
    """Optuna's tree-structured Parzen estimator.

    Args:
        space: where to search.
        startup: random trials before the model is used.
        objectives: metrics to improve.
        limits: upper limits on metrics.
        seed: non-negative integer.
    """
    sampler = functools.partial(_tpe, n_startup_trials=startup)
    return FromOptuna(space, sampler, objectives=objectives, limits=limits, seed=seed)


def _tpe(number: int, *, n_startup_trials: int) -> BaseSampler:
    return optuna.samplers.TPESampler(n_startup_trials=n_startup_trials, seed=number)


def nsga2(
    space: Space,
    *,
    population: int = 50,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> FromOptuna:
    """Optuna's NSGA-II.

    Args:
        space: where to search.
        population: trials in a generation, at least 2.
        objectives: metrics to improve.
        limits: upper limits on metrics.
        seed: non-negative integer.
    """
    sampler = functools.partial(_nsga2, population_size=population)
    return FromOptuna(space, sampler, objectives=objectives, limits=limits, seed=seed)


def _nsga2(number: int, *, population_size: int) -> BaseSampler:
    return optuna.samplers.NSGAIISampler(population_size=population_size, seed=number)


def random(
    space: Space,
    *,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> FromOptuna:
    """Optuna's random sampler, which may repeat itself.

    Args:
        space: where to search.
        objectives: not used; kept for the study.
        limits: not used; kept for the study.
        seed: non-negative integer.
    """
    return FromOptuna(space, _random, objectives=objectives, limits=limits, seed=seed)


def _random(number: int) -> BaseSampler:
    return optuna.samplers.RandomSampler(seed=number)


def gp(
    space: Space,
    *,
    startup: int = 10,
    objectives: Sequence[str | Objective] = ("accuracy",),
    limits: Mapping[str, float] | None = None,
    seed: int = 0,
) -> FromOptuna:
    """Optuna's Gaussian process with log expected improvement; a second or more a proposal.

    Args:
        space: where to search.
        startup: random trials before the model is used.
        objectives: metrics to improve.
        limits: upper limits on metrics.
        seed: non-negative integer.
    """
    sampler = functools.partial(_gp, n_startup_trials=startup)
    return FromOptuna(space, sampler, objectives=objectives, limits=limits, seed=seed)


def _gp(number: int, *, n_startup_trials: int) -> BaseSampler:
    return optuna.samplers.GPSampler(n_startup_trials=n_startup_trials, seed=number)
