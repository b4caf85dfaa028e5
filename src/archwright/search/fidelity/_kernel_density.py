"""The sampler of BOHB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.search._fitness import fitness
from archwright.search._novelty import Novelty
from archwright.search._strategy import Strategy
from archwright.search._streams import Streams
from archwright.search.fidelity._density import Density
from archwright.space import Arch, Choice, Ordinal, Real, Space
from archwright.trial import Objective, Trial

Array = NDArray[np.float64]
_IMPUTED = 1  # streams of imputation, apart from those of proposals
_FLOOR = 1e-32
_DRAWS = 8  # sets of samples before an architecture is drawn uniformly


@final
class KernelDensity(Strategy):
    """Proposes where the density of good architectures is high and that of bad ones low; the sampler of BOHB.

    Falkner, Klein, Hutter (ICML 2018), section 4.1, after the tree-structured Parzen estimator of Bergstra et al.
    (2011), with one multivariate density each. n results sorted by loss: the first max(d + 1, floor(top n)) are good,
    of the rest max(d + 1, floor((1 - top) n)) are bad, d variables; there is no model before 2 (d + 1) results. Of
    `samples` points near good ones that with the smallest ratio bad / good is proposed. `Choice` is a category,
    `Ordinal` and `Real` are numbers in [0, 1]. A variable that an architecture lacks is drawn from those of the same
    set that have it.

    Args:
        space: where to search.
        random: share of proposals that are uniform, in [0, 1].
        top: share of the results that count as good, in (0, 1).
        samples: points drawn for a proposal.
        widen: factor on the bandwidth that points are drawn with, above 0.
        min_bandwidth: smallest bandwidth, above 0.
        objectives: metrics to improve; the first one counts.
        limits: upper limits on metrics.
        seed: non-negative integer.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        random: float = 1 / 3,
        top: float = 0.15,
        samples: int = 64,
        widen: float = 3.0,
        min_bandwidth: float = 1e-3,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        if not 0 <= random <= 1 or not 0 < top < 1:
            raise UserError(f"random must be in [0, 1] and top in (0, 1), got {random} and {top}")
        if samples < 1 or not widen > 0 or not min_bandwidth > 0:
            raise UserError(
                f"samples must be at least 1, widen and min_bandwidth above 0: {samples}, {widen}, {min_bandwidth}"
            )
        self.random, self.top, self.samples, self.widen, self.min_bandwidth = random, top, samples, widen, min_bandwidth
        self.modelled = 0
        """Proposals that this instance has made from the densities."""
        self._categories = tuple(len(v.options) if isinstance(v, Choice) else 0 for v in space.variables)
        self._rows: list[Array] = []
        self._ranks: list[tuple[float, ...]] = []
        self._novelty = Novelty(space)
        self._imputed = Streams(seed, _IMPUTED)
        self._fitted: tuple[int, tuple[Density, Density] | None] = (0, None)

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        names = ("random", "top", "samples", "widen", "min_bandwidth")
        return {name: getattr(self, name) for name in names}

    @property
    def densities(self) -> tuple[Density, Density] | None:
        """Of the good and the bad results told so far; None while they are too few."""
        if self._fitted[0] != self.told:
            self._fitted = (self.told, self._fit())
        return self._fitted[1]

    def _fit(self) -> tuple[Density, Density] | None:
        n, least = len(self._rows), len(self._categories) + 1
        if n < 2 * least:
            return None
        order = sorted(range(n), key=self._ranks.__getitem__)
        good = max(least, int(self.top * n + 1e-9))
        bad = max(least, int((1 - self.top) * n + 1e-9))
        rng = self._imputed[n]
        return self._density(order[:good], rng), self._density(order[good : good + bad], rng)

    def _density(self, results: Sequence[int], rng: np.random.Generator) -> Density:
        rows = self._complete(np.stack([self._rows[i] for i in results]), rng)
        return Density(rows, self._categories, least=self.min_bandwidth)

    def _propose(self, rng: np.random.Generator) -> Arch:
        if rng.random() < self.random or self.densities is None:
            return self._novelty.first(lambda: self.space.sample(rng), rng)
        self.modelled += 1
        ranked = self._ranked(self.densities, rng)
        return self._novelty.first(lambda: next(ranked, None) or self.space.sample(rng), rng)

    def _ranked(self, densities: tuple[Density, Density], rng: np.random.Generator) -> Iterator[Arch]:
        """Architectures of several sets of samples, the best of each set first."""
        good, bad = densities
        for _ in range(_DRAWS):
            points = good.draw(self.samples, rng, widen=self.widen)
            ratios = np.maximum(bad(points), _FLOOR) / np.maximum(good(points), _FLOOR)
            for place in np.argsort(ratios, kind="stable"):
                arch = self._arch(points[place])
                if arch is not None:
                    yield arch

    def _observe(self, trial: Trial) -> None:
        self._novelty.add(trial.arch)
        self._rows.append(self._row(trial.arch))
        self._ranks.append(fitness(trial, self.objectives[:1], self.limits))

    def _row(self, arch: Arch) -> Array:
        """Categories by position, numbers in [0, 1], NaN for what `arch` lacks, (d,)."""
        row = np.full(len(self._categories), np.nan)
        for column, variable in enumerate(self.space.variables):
            if variable.name not in arch:
                continue
            value = arch[variable.name]
            if isinstance(variable, Choice):
                row[column] = variable.index(value)
            elif isinstance(variable, Ordinal):
                row[column] = (variable.index(value) + 0.5) / len(variable.options)
            elif isinstance(variable, Real):
                row[column] = variable.position(value)
        return row

    def _complete(self, rows: Array, rng: np.random.Generator) -> Array:
        """`rows` (n, d) with NaN replaced by a random known value of the column, or a uniform one if there is none."""
        for column, c in zip(rows.T, self._categories, strict=True):
            lacking = np.isnan(column)
            count = int(lacking.sum())
            if count == len(column):
                column[:] = rng.integers(c, size=count) if c else rng.random(count)
            elif count:
                column[lacking] = rng.choice(column[~lacking], size=count)
        return rows

    def _arch(self, point: Array) -> Arch | None:
        """The architecture at a point (d,); None if it breaks a constraint of the space."""
        values = {}
        for variable, u, c in zip(self.space.variables, point.tolist(), self._categories, strict=True):
            if c:
                values[variable.name] = variable.at((u + 0.5) / c)
            else:
                values[variable.name] = variable.at(u if isinstance(variable, Real) else min(u, 1 - 1e-9))
        try:
            return self.space.arch({name: values[name] for name in self.space.active(values)})
        except UserError:
            return None
