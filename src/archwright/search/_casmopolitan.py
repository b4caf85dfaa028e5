"""CASMOPOLITAN: Bayesian optimisation in trust regions over choices and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.search._bayesian_optimisation import comparable, fit_due
from archwright.search._fitness import fitness
from archwright.search._gaussian_process import GaussianProcess, Ranges
from archwright.search._novelty import Novelty
from archwright.search._region_search import RegionSearch, random_inside, reals_of
from archwright.search._strategy import Strategy
from archwright.search._streams import Streams
from archwright.search._surrogate import Surrogate
from archwright.search._targets import copula, standardised
from archwright.search._trust_region import TrustRegion
from archwright.search.kernels._mixed import Mixed
from archwright.space import Arch, Real, Space
from archwright.trial import Objective, Trial

_FITS = 3  # streams of the fits, apart from those of proposals
_LEAST = 1e-3  # relative improvement that counts as a success
_WIDTH = 1.96  # standard deviations below the mean, of the restart's confidence bound
_RANGES = Ranges(scale=(0.5, 5.0), noise=(1e-6, 0.1), noise_prior=None)

Loss = tuple[float, ...]


@final
class Casmopolitan(Strategy):
    """Think global and act local: a Gaussian process inside a trust region, restarted by a global one.

    Wan, Nguyen, Ha, Ru, Lu and Osborne (ICML 2021, arXiv 2102.07188). The region is a Hamming ball for choices and a
    box for `Real` variables around the best trial of the current restart. The process (mixed kernel, copula-transformed
    losses) sees the trials of that restart alone. When the region has collapsed, a second process on the best of every
    finished restart chooses the centre of the next by a confidence bound.

    Differs from the reference code: hyper-parameters by L-BFGS, whenever a tenth more trials are known, instead of 300
    steps of Adam for each proposal; in the search for the next architecture all neighbours are scored at once, and the
    steps on numbers are those of L-BFGS; pending architectures count as observed at their mean; successes and failures
    are counted by trial, also in a batch; an `Ordinal` is a choice.

    Args:
        space: where to search.
        initial: random architectures at the beginning of each restart.
        hamming: most choices that may differ from the best, at first.
        widest: most that `hamming` grows to.
        box: side of the box of `Real` positions in [0, 1], at first; each side is scaled by its length scale.
        successes: in a row before the region widens.
        failures: in a row before it narrows.
        ard: one weight a choice and one length scale a `Real`.
        starts: of the search for the next architecture.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: a setting out of range, or nothing to choose in the space.
    """

    def __init__(
        self,
        space: Space,
        *,
        initial: int = 20,
        hamming: int = 20,
        widest: int = 30,
        box: float = 0.8,
        successes: int = 3,
        failures: int = 40,
        ard: bool = False,
        starts: int = 3,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        if min(initial, starts) < 1:
            raise UserError(f"initial and starts must be at least 1, got {initial} and {starts}")
        self.initial = initial
        self.hamming = hamming
        self.widest = widest
        self.box = box
        self.successes = successes
        self.failures = failures
        self.ard = ard
        self.starts = starts
        self._kernel = Mixed(space, ard=ard)
        self._reals = reals_of(space)
        self._novelty = Novelty(space)
        self._fits = Streams(seed, _FITS)
        self._archs: list[Arch] = []  # of this restart
        self._losses: list[Loss] = []
        self._finished: list[tuple[Arch, Loss]] = []
        self._fitted: tuple[int, GaussianProcess] | None = None
        self.region = self._fresh()

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        names = ("initial", "hamming", "widest", "box", "successes", "failures", "ard", "starts")
        return {name: getattr(self, name) for name in names}

    @property
    def centre(self) -> Arch | None:
        """The best trial of this restart, the middle of the region; None before the first."""
        return self._archs[min(range(len(self._losses)), key=self._losses.__getitem__)] if self._archs else None

    @property
    def restarts(self) -> int:
        """Regions that have collapsed."""
        return len(self._finished)

    def _fresh(self) -> TrustRegion:
        return TrustRegion(
            hamming=self.hamming,
            widest=self.widest,
            box=self.box,
            successes=self.successes,
            failures=self.failures,
            choices=any(not isinstance(v, Real) for v in self.space.variables),
            numbers=bool(self._reals),
        )

    def _observe(self, trial: Trial) -> None:
        loss = fitness(trial, self.objectives[:1], self.limits)
        if len(self._archs) >= self.initial:
            self.region.count(_improves(loss, min(self._losses)))
        self._archs.append(trial.arch)
        self._losses.append(loss)
        self._novelty.add(trial.arch)
        if self.region.collapsed:
            centre = self.centre
            assert centre is not None
            self._finished.append((centre, min(self._losses)))
            self._archs, self._losses, self._fitted = [], [], None
            self.region = self._fresh()

    def _propose(self, rng: np.random.Generator) -> Arch:
        position = len(self._archs) + len(self._pending)
        if position < self.initial or len(self._archs) < 2:
            found = self._beginning(position, rng)
        else:
            found = self._inside(rng)
        self._novelty.add(found)
        return found

    # a restart --------------------------------------------------------------------------------------------------------

    def _beginning(self, position: int, rng: np.random.Generator) -> Arch:
        """One of the first architectures of a restart: the first restart is random, the others start at a bound."""
        if not self._finished:
            return self._novelty.first(lambda: self.space.sample(rng), rng)
        if position == 0:
            return self._promising(rng)
        centre = self.centre or self._pending[0]
        box = self._box(centre, np.ones(len(self._reals)))
        return self._novelty.first(lambda: random_inside(self.space, centre, self.region.hamming, box, rng), rng)

    def _promising(self, rng: np.random.Generator) -> Arch:
        """Where the bound of the process on the best of all finished restarts is lowest."""
        size = min(100 * max(len(self.space.variables), 1), 5000)
        drawn = dict.fromkeys(self.space.sample(rng) for _ in range(size))
        pool = [arch for arch in drawn if arch not in self._novelty]
        if not pool:
            return self._novelty.first(lambda: self.space.sample(rng), rng)
        archs, losses = [arch for arch, _ in self._finished], [loss for _, loss in self._finished]
        targets = torch.from_numpy(standardised(comparable(losses)))
        process = GaussianProcess(self._kernel.kernel(), self._kernel.features(archs), targets, ranges=_RANGES)
        process.fit(1, self._fits[self.told])
        mean, deviation = Surrogate(self._kernel, process, 0.0).predict(pool)
        return pool[int((mean - _WIDTH * deviation).argmin())]

    # inside the region ------------------------------------------------------------------------------------------------

    def _inside(self, rng: np.random.Generator) -> Arch:
        centre = self.centre
        assert centre is not None
        surrogate = self.surrogate().hallucinated(self._pending)
        box = self._box(centre, self._kernel.scales(surrogate.process.kernel))
        search = RegionSearch(
            self.space, self._kernel, surrogate.process, centre, self.region.hamming, box, self._novelty
        )
        found = search.best(self.starts, 2, rng)
        if found is not None:
            return found
        return self._novelty.first(lambda: random_inside(self.space, centre, self.region.hamming, box, rng), rng)

    def surrogate(self) -> Surrogate:
        """The process of this restart, of at least two trials."""
        due = fit_due(len(self._archs), min(self.initial, len(self._archs)), 5)
        if self._fitted is None or self._fitted[0] != due:
            process = GaussianProcess(self._kernel.kernel(), *self._data(due), ranges=_RANGES)
            process.fit(1, self._fits[self.told - len(self._archs) + due])
            self._fitted = (due, process)
        rows, targets = self._data(len(self._archs))
        return Surrogate(self._kernel, self._fitted[1].given(rows, targets), float(targets.min()))

    def _data(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self._kernel.features(self._archs[:count])
        return rows, torch.from_numpy(copula(comparable(self._losses[:count])))

    def _box(self, centre: Arch, scales: NDArray[np.float64]) -> NDArray[np.float64]:
        """(reals, 2) lowest and highest positions."""
        middle = np.array([v.position(centre[v.name]) if v.name in centre else 0.5 for v in self._reals])
        half = self.region.box * scales / 2
        return np.stack([np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)], axis=1).reshape(-1, 2)


def _improves(loss: Loss, best: Loss) -> bool:
    """Whether a trial is a success: less over the limits, or as much and better by a thousandth of the best."""
    if loss[0] != best[0]:
        return loss[0] < best[0]
    return loss[1] <= best[1] - _LEAST * abs(best[1]) and math.isfinite(loss[1])
