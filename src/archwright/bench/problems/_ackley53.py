"""Ackley's function of many bits and a few numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from archwright.bench.problems._problem import Problem
from archwright.space import Choice, Real, Space

_BITS, _NUMBERS = 50, 3


@final
class Ackley53(Problem):
    """Ackley's function (1987) of 50 bits and 3 numbers in [-1, 1], as in MVRSM (Bliek et al. 2021).

    f = 20 + e - 20 exp(-0.2 sqrt(mean z^2)) - exp(mean cos(2 pi z)) over all 53 variables, as in the code of
    CASMOPOLITAN (Wan et al. 2021). Minimum 0 where all are 0, which flatters methods that prefer sparse or centred
    proposals: compare with `Relabelled`, too.

    Args:
        noise: standard deviation on every evaluation. Wan et al.: about 1e-6.
    """

    name = "ackley53"

    def __init__(self, *, noise: float = 1e-6) -> None:
        bits = [Choice(f"b{i}", (0, 1)) for i in range(1, _BITS + 1)]
        numbers = [Real(f"x{i}", -1, 1) for i in range(1, _NUMBERS + 1)]
        super().__init__(space=Space([*bits, *numbers], name=self.name), optimum=0.0, noise=noise)

    def value(self, arch: Mapping[str, Any]) -> float:
        z = np.array([arch[name] for name in self.space.names], dtype=np.float64)
        far, wave = math.exp(-0.2 * math.sqrt(float((z * z).mean()))), math.exp(float(np.cos(2 * np.pi * z).mean()))
        return 20 + math.e - 20 * far - wave
