"""Func2C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from archwright.bench.problems._problem import Problem
from archwright.bench.problems._two_dimensional import CAMEL, chosen
from archwright.space import Choice, Real, Space


@final
class Func2C(Problem):
    """Two categorical variables pick functions of two numbers, which are added up (Ru et al. 2020, CoCaBO).

    As in the code of CASMOPOLITAN (Wan et al. 2021): f = g_h1(2 x) + g_h2(2 x), x in [-1, 1]^2, with h1 of three
    options, h2 of five; g is Rosenbrock / 300, the six-hump camel / 10, or Beale / 50 for every further option. Minimum
    -0.20633 at h = (1, 1), x = (0.0449, -0.3563) and mirrored.

    Args:
        noise: standard deviation on every evaluation. Wan et al.: about 1e-6.
    """

    name = "func2c"

    def __init__(self, *, noise: float = 1e-6) -> None:
        space = Space(
            [Choice("h1", (0, 1, 2)), Choice("h2", (0, 1, 2, 3, 4)), Real("x1", -1, 1), Real("x2", -1, 1)],
            name=self.name,
        )
        super().__init__(space=space, optimum=0.2 * CAMEL, noise=noise)

    def value(self, arch: Mapping[str, Any]) -> float:
        u = 2 * arch["x1"], 2 * arch["x2"]
        return chosen(arch["h1"], *u) + chosen(arch["h2"], *u)
