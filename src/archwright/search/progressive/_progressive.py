"""Progressive search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.search._fitness import fitness
from archwright.search._novelty import Novelty
from archwright.search._strategy import Strategy
from archwright.search._streams import Streams
from archwright.search.progressive._growth import Growth
from archwright.search.progressive._surrogate import START, Kind, Surrogate
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial

_GROWTH = 5  # streams of candidates, apart from those of proposals
_FARTHEST = 3.0


@final
class ProgressiveNAS(Strategy):
    """Architectures grow level by level; of all extensions, those that a surrogate ranks best are evaluated.

    Liu et al. (2018), "Progressive Neural Architecture Search", algorithm 1. Level one is evaluated whole (or `first`
    of it); then, for each level, a surrogate learns from the trials so far, ranks every extension of the architectures
    of the level before, and the `beam` best are evaluated. In the paper's space a level is one more block of a cell
    (`depth` is the number of blocks), and 136 + 4 x 256 = 1160 cells are trained; other spaces grow as `Growth` says.
    After the last level, further rounds of `beam` follow there. The objective, of any unit, is brought to (0, 1) as
    sigmoid(1.8 + its deviation from the mean of level one), at most three deviations; trials that failed or broke a
    limit have the lowest value. Only the first objective counts. Nothing is proposed twice while the space has others.

    Args:
        space: where to search.
        depth: name of the `Ordinal` that is the number of blocks; None: found, if there is only one.
        levels: groups of variables, in a space without a depth variable.
        beam: K, architectures of each level after the first. Paper: 256.
        first: most architectures of level one, drawn at random if it has more.
        candidates: most extensions that are ranked, a random part if there are more. Paper: all of them.
        surrogate: `"mlp"` or `"lstm"`.
        members: of the ensemble.
        refit: learn anew from all trials at every level, instead of going on with the last level's.
        lr: of the surrogate at level one, and of `refit`. Paper: 0.01.
        later_lr: at later levels. Paper: 0.002.
        epochs: steps of the surrogate at each level.
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
        depth: str | None = None,
        levels: int = 3,
        beam: int = 32,
        first: int = 256,
        candidates: int = 20_000,
        surrogate: Kind = "mlp",
        members: int = 5,
        refit: bool = False,
        lr: float = 0.01,
        later_lr: float = 0.002,
        epochs: int = 200,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        if min(beam, first, candidates, epochs) < 1:
            raise UserError(
                f"beam, first, candidates and epochs must be at least 1, got {beam}, {first}, {candidates}, {epochs}"
            )
        if not (lr > 0 and later_lr > 0):
            raise UserError(f"lr and later_lr must be above 0, got {lr} and {later_lr}")
        self.growth = Growth(space, depth=depth, groups=levels)
        self.beam, self.first, self.candidates = beam, first, candidates
        self.surrogate, self.members, self.refit = surrogate, members, refit
        self.lr, self.later_lr, self.epochs = lr, later_lr, epochs
        self._model()  # refuses bad settings now
        self._groups, self._given_depth = levels, depth
        self._streams_of_growth = Streams(seed, _GROWTH)
        self._novelty = Novelty(space)
        self._archs: list[Arch] = []
        self._losses: list[float] = []
        self._levels: list[int] = []
        self._start: list[Arch] | None = None
        self._ranked: tuple[int, int, list[Arch]] | None = None

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {
            "depth": self._given_depth,
            "levels": self._groups,
            "beam": self.beam,
            "first": self.first,
            "candidates": self.candidates,
            "surrogate": self.surrogate,
            "members": self.members,
            "refit": self.refit,
            "lr": self.lr,
            "later_lr": self.later_lr,
            "epochs": self.epochs,
        }

    @property
    def plan(self) -> tuple[int, ...]:
        """Trials of each level; their sum is the budget of the method."""
        return (len(self.smallest), *[self.beam] * (self.growth.levels - 1))

    @property
    def smallest(self) -> list[Arch]:
        """What is evaluated at level one, in random order."""
        if self._start is None:
            rng = self._streams_of_growth[0]
            found = self.growth.grown([{}], 0, max(self.candidates, self.first), rng)
            self._start = [found[i] for i in rng.permutation(len(found))[: self.first].tolist()]
        return self._start

    def ranked(self, level: int, used: int) -> list[Arch]:
        """Extensions to a level, best-predicted first, after the first `used` trials."""
        if self._ranked is None or self._ranked[:2] != (level, used):
            parents = [a for a, at in zip(self._archs[:used], self._levels) if at == level - 1]
            rng = self._streams_of_growth[used + 1]
            found = self.growth.grown(list(dict.fromkeys(parents)), level, self.candidates, rng) if parents else []
            known = {self.space.canonical(arch) for arch in self._archs[:used]}
            found = [arch for arch in found if self.space.canonical(arch) not in known]
            if found:
                scores = self.learnt(used).predict(self.growth.tokens(found))
                found = [found[i] for i in np.argsort(-scores, kind="stable").tolist()]
            self._ranked = (level, used, found)
        return self._ranked[2]

    def learnt(self, used: int) -> Surrogate:
        """The surrogate after the first `used` trials."""
        model, targets = self._model(), self._targets(used)
        levels = np.array(self._levels[:used])
        stages = [np.arange(used)] if self.refit else [np.flatnonzero(levels == k) for k in range(self.growth.levels)]
        stages = [stage for stage in stages if len(stage)]
        for number, stage in enumerate(stages):
            tokens = self.growth.tokens([self._archs[i] for i in stage.tolist()])
            model.fit(tokens, targets[stage], lr=self.later_lr if number else self.lr, epochs=self.epochs)
        return model

    def _model(self) -> Surrogate:
        words, slots = self.growth.words, self.growth.slots
        return Surrogate(words, slots, kind=self.surrogate, members=self.members, seed=self.seed % 2**32)

    def _targets(self, used: int) -> NDArray[np.float64]:
        """Values in (0, 1) of the first trials."""
        values = -np.array(self._losses[:used])
        known = np.isfinite(values)
        base = known & (np.array(self._levels[:used]) == 0)
        base = base if base.any() else known
        mean, spread = (float(values[base].mean()), float(values[base].std()) or 1.0) if base.any() else (0.0, 1.0)
        deviations = np.where(known, (np.where(known, values, 0.0) - mean) / spread, -_FARTHEST)
        return 1 / (1 + np.exp(-START - np.clip(deviations, -_FARTHEST, _FARTHEST)))

    def _propose(self, rng: np.random.Generator) -> Arch:
        made, begin, level = self.made, 0, 0
        for level, size in enumerate(self.plan):  # noqa: B007
            if made < begin + size:
                break
            begin += size
        else:
            begin += (made - begin) // self.beam * self.beam
        for at in range(level, self.growth.levels):
            waiting = self.smallest if at == 0 else self.ranked(at, min(self.told, begin))
            arch = next((a for a in waiting if a not in self._novelty), None)
            if arch is not None:
                self._novelty.add(arch)
                return arch
        return self._novelty.first(lambda: self.space.sample(rng), rng)

    def _observe(self, trial: Trial) -> None:
        violation, loss = fitness(trial, self.objectives[:1], self.limits)
        self._archs.append(trial.arch)
        self._losses.append(loss if violation == 0 else math.inf)
        self._levels.append(self.growth.level(trial.arch))
        self._novelty.add(trial.arch)
