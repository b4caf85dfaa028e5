"""What every way of making candidates is."""

from __future__ import annotations

import abc
from collections.abc import Callable, Container, Sequence

import numpy as np
from numpy.typing import NDArray

from archwright.space import Arch, Space

Score = Callable[[Sequence[Arch]], NDArray[np.float64]]
"""Acquisition of architectures (n,), larger is more worth trying."""


class Candidates(abc.ABC):
    """Makes a set of architectures in which the acquisition function is large somewhere.

    Args:
        space: where to look.
    """

    def __init__(self, space: Space) -> None:
        self.space = space

    @abc.abstractmethod
    def pool(
        self, ranked: Sequence[Arch], score: Score, taken: Container[Arch], rng: np.random.Generator
    ) -> list[Arch]:
        """Different architectures, none of them taken; empty if none is found.

        Args:
            ranked: observed architectures, the best first; at least one.
            score: acquisition function.
            taken: what must not be proposed again.
            rng: all randomness.
        """
