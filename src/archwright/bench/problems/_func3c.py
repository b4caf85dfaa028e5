"""Func3C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from archwright.bench.problems._problem import Problem
from archwright.bench.problems._two_dimensional import CAMEL, chosen
from archwright.space import Choice, Real, Space


@final
class Func3C(Problem):
    """Three binary variables pick functions of two numbers, which are added up (Ru et al. 2020, CoCaBO).

    As in the code of CASMOPOLITAN (Wan et al. 2021): `Func2C` with two options each, plus 5 camel / 10 for h3 = 0 or
    2 Rosenbrock / 300 for h3 = 1. Minimum -0.72214 at h = (1, 1, 0).

    Args:
        noise: standard deviation on every evaluation. Wan et al.: about 1e-6.
    """

    name = "func3c"

    def __init__(self, *, noise: float = 1e-6) -> None:
        binary = [Choice(f"h{i}", (0, 1)) for i in (1, 2, 3)]
        space = Space([*binary, Real("x1", -1, 1), Real("x2", -1, 1)], name=self.name)
        super().__init__(space=space, optimum=0.7 * CAMEL, noise=noise)

    def value(self, arch: Mapping[str, Any]) -> float:
        u = 2 * arch["x1"], 2 * arch["x2"]
        third = 2 * chosen(0, *u) if arch["h3"] else 5 * chosen(1, *u)
        return chosen(arch["h1"], *u) + chosen(arch["h2"], *u) + third
