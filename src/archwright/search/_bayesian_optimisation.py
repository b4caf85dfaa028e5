"""Bayesian optimisation with kernels of architectures."""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from archwright.errors import UserError, nearest
from archwright.registry import Registry
from archwright.search._fitness import fitness
from archwright.search._gaussian_process import GaussianProcess, Ranges
from archwright.search._novelty import Novelty
from archwright.search._strategy import Proposal, Strategy
from archwright.search._streams import Streams
from archwright.search._surrogate import Surrogate
from archwright.search._targets import TARGETS
from archwright.search.acquisition import ACQUISITIONS, Acquisition
from archwright.search.batches import BATCHES, Batch
from archwright.search.candidates import CANDIDATES, Candidates
from archwright.search.kernels import KERNELS, ArchKernel
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial

_FITS = 2  # streams of the fits, apart from those of proposals

KernelLike = str | Callable[[Space], ArchKernel]
AcquisitionLike = str | Acquisition
BatchLike = str | Batch
CandidatesLike = str | Callable[[Space], Candidates]


@final
class BayesianOptimisation(Strategy):
    """A Gaussian process of the loss, and proposals where an acquisition function of it is large.

    Frazier (2018), "A Tutorial on Bayesian Optimization", gives the frame. The first architectures are random. Then the
    hyper-parameters are fitted by marginal likelihood whenever a tenth more trials are known (at least `refit` more),
    always from scratch: the fit depends on the trials alone, not on when it was asked for. Every proposal conditions on
    all trials.

    Only the first objective is modelled; limits and failures enter by order: trials over the limits are worse than all
    others, failed ones are worst. An architecture is proposed once.

    Args:
        space: where to search.
        kernel: registered name (`archwright.search.kernels.names()`) or a function of the space.
        acquisition: registered name (`"ei"`, `"ucb"`, `"thompson"`) or an instance.
        batch: how several are chosen at once: `"fantasies"`, `"k-dpp"`, `"local-penalty"`, `"independent"`, or an
            instance.
        candidates: where the acquisition is looked at: `"local"`, `"mutations"`, `"evolution"`, `"genetic"`,
            `"random"`, or a function of the space.
        targets: what the process models: `"rank"` (normal scores of the ranks), `"copula"` or `"standard"` values.
        initial: random architectures at the beginning.
        refit: least number of new trials before hyper-parameters are fitted again.
        restarts: starts of a fit.
        most: trials the process sees at most, half of them the best and half the last.
        ranges: where output scale and noise may lie.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: unknown name, or a number out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        kernel: KernelLike = "hamming",
        acquisition: AcquisitionLike = "ei",
        batch: BatchLike = "fantasies",
        candidates: CandidatesLike = "local",
        targets: str = "rank",
        initial: int = 10,
        refit: int = 5,
        restarts: int = 2,
        most: int = 1000,
        ranges: Ranges | None = None,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        if min(initial, refit, restarts) < 1 or most < 2:
            raise UserError(
                f"initial, refit and restarts must be at least 1 and most at least 2, "
                f"got {initial}, {refit}, {restarts} and {most}"
            )
        if targets not in TARGETS:
            raise UserError(f"unknown targets {targets!r}{nearest(str(targets), TARGETS)}")
        self.kernel: ArchKernel = _loaded(KERNELS, kernel)(space)
        self.acquisition: Acquisition = (
            acquisition if isinstance(acquisition, Acquisition) else _made(ACQUISITIONS, acquisition)
        )
        self.batch: Batch = batch if isinstance(batch, Batch) else _made(BATCHES, batch)
        self.candidates: Candidates = _loaded(CANDIDATES, candidates)(space)
        self.targets = targets
        self.initial = initial
        self.refit = refit
        self.restarts = restarts
        self.most = most
        self.ranges = ranges
        self._names = {
            "kernel": _name(kernel), "acquisition": _name(acquisition), "batch": _name(batch),
            "candidates": _name(candidates),
        }  # fmt: skip
        self._archs: list[Arch] = []
        self._losses: list[tuple[float, ...]] = []
        self._novelty = Novelty(space)
        self._fits = Streams(seed, _FITS)
        self._fitted: tuple[int, GaussianProcess] | None = None
        self._conditioned: tuple[int, Surrogate] | None = None
        self._together: deque[Arch] = deque()

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {
            **self._names,
            "targets": self.targets,
            "initial": self.initial,
            "refit": self.refit,
            "restarts": self.restarts,
            "most": self.most,
        }

    def _observe(self, trial: Trial) -> None:
        self._archs.append(trial.arch)
        self._losses.append(fitness(trial, self.objectives[:1], self.limits))
        self._novelty.add(trial.arch)

    def _batch(self, n: int) -> list[Arch | Proposal]:
        first = min(n, max(self.initial - self.made, 0))
        made = [self._next() for _ in range(first)]
        if n - first > 1 and self._ready:
            rng = self._streams[self.made]
            surrogate, pool = self._pool(rng)
            together = self.batch.together(surrogate, pool, n - first, rng) if pool else None
            self._together.extend(together or ())
        made += [self._next() for _ in range(n - first)]
        return made

    @property
    def _ready(self) -> bool:
        return self.made >= self.initial and len(set(self._archs)) > 1

    def _propose(self, rng: np.random.Generator) -> Arch:
        if self._together:
            arch = self._together.popleft()
            self._novelty.add(arch)
            return arch
        pool: list[Arch] = []
        if self._ready:
            surrogate, pool = self._pool(rng)
        if not pool:
            return self._novelty.first(lambda: self.space.sample(rng), rng)
        chosen = pool[int(self._scores(surrogate, pool, rng).argmax())]
        self._novelty.add(chosen)
        return chosen

    def _pool(self, rng: np.random.Generator) -> tuple[Surrogate, list[Arch]]:
        surrogate = self.batch.surrogate(self.surrogate(), self._pending)
        order = sorted(range(len(self._losses)), key=self._losses.__getitem__)
        ranked = list(dict.fromkeys(self._archs[i] for i in order))
        pool = self.candidates.pool(ranked, lambda archs: self._scores(surrogate, archs, rng), self._novelty, rng)
        return surrogate, pool

    def _scores(self, surrogate: Surrogate, archs: Sequence[Arch], rng: np.random.Generator) -> NDArray[np.float64]:
        return self.batch.scores(self.acquisition, surrogate, archs, self._pending, rng)

    # model ------------------------------------------------------------------------------------------------------------

    def surrogate(self) -> Surrogate:
        """The process conditioned on all trials told, at least two architectures."""
        if self._conditioned is None or self._conditioned[0] != self.told:
            process, seen = self._process(), self._seen(self.told)
            targets = self._targets(seen)
            rows = self.kernel.features([self._archs[i] for i in seen])
            surrogate = Surrogate(self.kernel, process.given(rows, torch.from_numpy(targets)), float(targets.min()))
            self._conditioned = (self.told, surrogate)
        return self._conditioned[1]

    def _process(self) -> GaussianProcess:
        """Fitted on the first trials, up to the last number at which a fit is due."""
        due = fit_due(self.told, min(self.initial, self.told), self.refit)
        if self._fitted is None or self._fitted[0] != due:
            seen = self._seen(due)
            rows = self.kernel.features([self._archs[i] for i in seen])
            process = GaussianProcess(
                self.kernel.kernel(), rows, torch.from_numpy(self._targets(seen)), ranges=self.ranges
            )
            process.fit(self.restarts, self._fits[due])
            self._fitted = (due, process)
        return self._fitted[1]

    def _seen(self, told: int) -> list[int]:
        """Positions of the trials that the process sees, of the first `told`."""
        if told <= self.most:
            return list(range(told))
        late = range(told - self.most // 2, told)
        best = sorted(range(late.start), key=self._losses.__getitem__)[: self.most - len(late)]
        return [*sorted(best), *late]

    def _targets(self, seen: Sequence[int]) -> NDArray[np.float64]:
        return TARGETS[self.targets](comparable([self._losses[i] for i in seen]))


def comparable(losses: Sequence[tuple[float, ...]]) -> NDArray[np.float64]:
    """One number a trial, to minimise, from pairs (violation, loss): feasible, then by violation, then failed.

    Feasible trials keep their loss; the others come above the largest of these, at most its range away.
    """
    table = np.array(losses)
    feasible, failed = table[:, 0] <= 0, np.isinf(table[:, 0])
    known = table[feasible, 1]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    span = (high - low) or 1.0
    with np.errstate(invalid="ignore"):
        above = high + span * (table[:, 0] / (1 + table[:, 0]))
    return np.asarray(np.where(feasible, table[:, 1], np.where(failed, high + span, above)))


def fit_due(told: int, first: int, least: int) -> int:
    """The last of the numbers first, then each a tenth (at least `least`) above the one before, up to `told`."""
    due = first
    while (later := due + max(least, math.ceil(due / 10))) <= told:
        due = later
    return due


def _loaded(registry: Registry, part: Any) -> Any:
    return registry.load(part) if isinstance(part, str) else part


def _made(registry: Registry, name: str) -> Any:
    return registry.load(name)()


def _name(part: Any) -> str:
    """How a part is stored with a study."""
    if isinstance(part, functools.partial):
        return f"{_name(part.func)}({', '.join(f'{key}={value}' for key, value in part.keywords.items())})"
    if isinstance(part, str):
        return part
    return part.__name__ if isinstance(part, type) else type(part).__name__
