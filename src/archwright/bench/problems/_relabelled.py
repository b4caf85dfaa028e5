"""A problem with the names of its options exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from archwright.bench.problems._ackley53 import Ackley53
from archwright.bench.problems._max_sat60 import MaxSat60
from archwright.bench.problems._problem import Problem
from archwright.space import Choice


@final
class Relabelled(Problem):
    """A problem whose categorical options are exchanged at random, each variable's in its own way.

    The same problem to any strategy that takes options as unordered. It takes away what a strategy gains where the
    optimum has the first option everywhere, as in `Ackley53`.

    Args:
        problem: the original. Variables that others are conditional on keep their options.
        seed: of the permutations.
    """

    def __init__(self, problem: Problem, *, seed: int = 0) -> None:
        self.problem, self.seed = problem, seed
        self.name = f"{problem.name}-relabelled"
        self.exact, self.cheap, self.unit = problem.exact, problem.cheap, problem.unit
        parents = {p for terms in problem.space.when.values() for term in terms for p in term}
        rng = np.random.default_rng(seed)
        self._original: dict[str, dict[Any, Any]] = {}
        for variable in problem.space.variables:
            if isinstance(variable, Choice) and variable.name not in parents:
                options = variable.options
                self._original[variable.name] = {
                    options[i]: options[j] for i, j in enumerate(rng.permutation(len(options)).tolist())
                }
        super().__init__(space=problem.space, optimum=problem.optimum, noise=problem.noise)

    @property
    def settings(self) -> dict[str, Any]:
        return {**self.problem.settings, "relabelled": self.seed}

    def value(self, arch: Mapping[str, Any]) -> float:
        return self.problem.value({n: self._original[n][v] if n in self._original else v for n, v in arch.items()})


def relabelled_ackley53(*, seed: int = 0, noise: float = 1e-6) -> Relabelled:
    """Ackley-53 whose optimal bits are random ones, not all zeros.

    Args:
        seed: of the bits.
        noise: standard deviation on every evaluation.
    """
    return Relabelled(Ackley53(noise=noise), seed=seed)


def relabelled_maxsat60(*, seed: int = 0) -> Relabelled:
    """Weighted MaxSAT whose optimal bits are random ones, not all zeros.

    Args:
        seed: of the bits.
    """
    return Relabelled(MaxSat60(), seed=seed)
