"""Search guided by a learnt predictor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, final, get_args

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.search._fitness import fitness
from archwright.search._normal_scores import normal_scores
from archwright.search._novelty import Novelty
from archwright.search._strategy import Strategy
from archwright.search._streams import Streams
from archwright.space import Arch, Space
from archwright.trial import Objective, Trial

if TYPE_CHECKING:
    from archwright.estimate.predict import Regressor

Floats = NDArray[np.float64]
Model = Literal["ridge", "random-forest", "gradient-boosting", "mlp", "graph"]
Acquisition = Literal["thompson", "ucb", "mean"]
_FITS = 4  # streams of the models, apart from those of proposals
_TRIES = 10


@final
class PredictorGuided(Strategy):
    """A model learnt from the trials chooses among mutations of the best ones.

    In the manner of White, Neiswanger and Savani (2021), "BANANAS: Bayesian Optimization with Neural Architectures for
    Neural Architecture Search": an ensemble of networks, candidates by mutation of the best architectures, independent
    Thompson sampling. Differs: architectures are encoded by their variables, not by paths, and the model learns normal
    scores of the ranks, so that limits and failures need no penalty. The model is fitted from scratch whenever `refit`
    more trials were told. Only the first objective counts. Nothing is proposed twice while the space has others.

    Args:
        space: where to search.
        model: a name of `archwright.estimate.predict.PREDICTORS`; networks: `mlp`, `graph`; trees: `random-forest`,
            `gradient-boosting`.
        acquisition: of a candidate with predicted mean and standard deviation: `"thompson"`, a draw from that normal
            distribution, each candidate on its own; `"ucb"`, mean + `kappa` deviations; `"mean"`.
        kappa: of `"ucb"`, at least 0.
        initial: random architectures first, at least 2.
        refit: trials between fits.
        parents: best trials that are mutated.
        candidates: mutations that a proposal is chosen from.
        mutations: at most so many variables of a candidate change; the number is drawn, one is the likeliest.
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
        model: Model = "mlp",
        acquisition: Acquisition = "thompson",
        kappa: float = 1.0,
        initial: int = 10,
        refit: int = 10,
        parents: int = 10,
        candidates: int = 100,
        mutations: int = 3,
        objectives: Sequence[str | Objective] = ("accuracy",),
        limits: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, objectives=objectives, limits=limits, seed=seed)
        chosen = {"model": (model, get_args(Model)), "acquisition": (acquisition, get_args(Acquisition))}
        for setting, (value, allowed) in chosen.items():
            if value not in allowed:
                raise UserError(f"{setting} must be one of {', '.join(allowed)}, got {value!r}")
        if kappa < 0 or initial < 2:
            raise UserError(f"kappa must be at least 0 and initial at least 2, got {kappa} and {initial}")
        if min(refit, parents, candidates, mutations) < 1:
            raise UserError(
                f"refit, parents, candidates and mutations must be at least 1, got {refit}, {parents}, {candidates}, "
                f"{mutations}"
            )
        self.model, self.acquisition, self.kappa = model, acquisition, kappa
        self.initial, self.refit = initial, refit
        self.parents, self.candidates, self.mutations = parents, candidates, mutations
        self._novelty = Novelty(space)
        self._archs: list[Arch] = []
        self._ranks: list[tuple[float, ...]] = []
        self._fits = Streams(seed, _FITS)
        self._fitted: tuple[int, Regressor] | None = None

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        return {
            "model": self.model,
            "acquisition": self.acquisition,
            "kappa": self.kappa,
            "initial": self.initial,
            "refit": self.refit,
            "parents": self.parents,
            "candidates": self.candidates,
            "mutations": self.mutations,
        }

    def _propose(self, rng: np.random.Generator) -> Arch:
        if self.told >= self.initial:
            found = self._candidates(rng)
            if found:
                mean, deviation = self._regressor().predict(found)
                arch = found[int(np.argmax(self._wanted(mean, deviation, rng)))]
                self._novelty.add(arch)
                return arch
        return self._novelty.first(lambda: self.space.sample(rng), rng)

    def _wanted(self, mean: Floats, deviation: Floats, rng: np.random.Generator) -> Floats:
        """Value of the acquisition of each candidate."""
        if self.acquisition == "thompson":
            return rng.normal(mean, deviation)
        return mean + (self.kappa * deviation if self.acquisition == "ucb" else 0.0)

    def _candidates(self, rng: np.random.Generator) -> list[Arch]:
        """Different mutations of the best trials, none of them proposed before."""
        order = sorted(range(len(self._archs)), key=self._ranks.__getitem__)[: self.parents]
        best = [self._archs[i] for i in order]
        found: dict[Arch, None] = {}
        for _ in range(_TRIES * self.candidates):
            parent = best[int(rng.random() * len(best))]
            count = min(int(rng.geometric(0.5)), self.mutations)
            arch = self.space.mutate(parent, rng, count)
            if arch not in self._novelty:
                found[arch] = None
                if len(found) == self.candidates:
                    break
        return list(found)

    def _regressor(self) -> Regressor:
        """The model of the trials that were told when it was due to be fitted."""
        from archwright.estimate.predict import PREDICTORS

        count = self.initial + (self.told - self.initial) // self.refit * self.refit
        if self._fitted is None or self._fitted[0] != count:
            model: Regressor = PREDICTORS.load(self.model)(self.space, seed=int(self._fits[count].integers(2**31)))
            model.fit(self._archs[:count], normal_scores(self._ranks[:count]))
            self._fitted = (count, model)
        return self._fitted[1]

    def _observe(self, trial: Trial) -> None:
        self._archs.append(trial.arch)
        self._ranks.append(fitness(trial, self.objectives[:1], self.limits))
        self._novelty.add(trial.arch)
