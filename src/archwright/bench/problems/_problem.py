"""What every problem is: a function of an architecture to minimise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from archwright.errors import UserError
from archwright.space import Space


class Problem(ABC):
    """A function to minimise over a space, with what is known of its minimum.

    Called with an architecture it gives `{"loss": value}`, with noise if there is any, so that it is an estimator for
    `archwright.study.Study` with `objectives=["loss"]`.

    Args:
        space: where to search.
        optimum: the least value known, from which regrets are measured.
        noise: standard deviation of the Gaussian noise on every evaluation.

    Raises:
        UserError: negative noise.
    """

    name: str
    exact: bool = True
    """Whether `optimum` is the true minimum, not the best found so far or a bound."""
    cheap: bool = True
    """Whether thousands of evaluations take seconds."""
    unit: str = "loss"

    def __init__(self, *, space: Space, optimum: float, noise: float = 0.0) -> None:
        if not noise >= 0:
            raise UserError(f"noise is a standard deviation of at least 0, got {noise!r}")
        self.space = space
        self.optimum = optimum
        self.noise = noise

    @property
    def settings(self) -> dict[str, Any]:
        """What fixes the function, as plain values."""
        return {"noise": self.noise}

    @abstractmethod
    def value(self, arch: Mapping[str, Any]) -> float:
        """The function without noise."""

    def observe(self, arch: Mapping[str, Any], rng: np.random.Generator) -> float:
        """The function with noise drawn from `rng`."""
        value = self.value(arch)
        return value + self.noise * float(rng.standard_normal()) if self.noise else value

    def __call__(self, arch: Mapping[str, Any], *, seed: int = 0) -> dict[str, float]:
        """`{"loss": value}` with the noise of `seed`."""
        return {"loss": self.observe(arch, np.random.default_rng(seed))}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.settings.items())})"
