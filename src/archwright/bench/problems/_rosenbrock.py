"""Rosenbrock's function of whole and real numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from archwright.bench.problems._problem import Problem
from archwright.errors import UserError
from archwright.space import Ordinal, Real, Space


@final
class MixedRosenbrock(Problem):
    """Rosenbrock's function (1960) of whole numbers from -2 to 2 and real ones in [-2, 2], divided by 300.

    f = sum_i (100 (z_(i+1) - z_i^2)^2 + (1 - z_i)^2) / 300, the whole numbers first. In the manner of the mixed
    problems of MVRSM (Bliek et al. 2021) that Wan et al. (2021) use; sizes and scale are ours, their code does not
    give them. Minimum 0 where all are 1.

    Args:
        whole: number of whole variables.
        real: number of real ones.
        noise: standard deviation on every evaluation.

    Raises:
        UserError: fewer than two variables in all.
    """

    name = "rosenbrock"

    def __init__(self, *, whole: int = 3, real: int = 7, noise: float = 1e-6) -> None:
        if whole < 0 or real < 0 or whole + real < 2:
            raise UserError(f"Rosenbrock's function needs at least two variables, got whole={whole} and real={real}")
        self.whole, self.real = whole, real
        ordinals = [Ordinal(f"n{i}", (-2, -1, 0, 1, 2)) for i in range(1, whole + 1)]
        reals = [Real(f"x{i}", -2, 2) for i in range(1, real + 1)]
        super().__init__(space=Space([*ordinals, *reals], name=self.name), optimum=0.0, noise=noise)

    @property
    def settings(self) -> dict[str, Any]:
        return {"whole": self.whole, "real": self.real, **super().settings}

    def value(self, arch: Mapping[str, Any]) -> float:
        z = np.array([arch[name] for name in self.space.names], dtype=np.float64)
        return float((100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2).sum()) / 300
