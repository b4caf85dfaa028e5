"""Which architectures a training step of the supernet visits."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from archwright.registry import Registry
from archwright.space import Arch, Ordinal, Space


class Sampler(ABC):
    """Draws the architectures of one training step."""

    @abstractmethod
    def __call__(self, space: Space, rng: np.random.Generator) -> list[Arch]:
        """At least one architecture; the first one is the teacher of in-place distillation."""


class Uniform(Sampler):
    """One architecture a step, uniform over the active variables (Guo et al. 2020, SPOS).

    Args:
        paths: architectures a step, whose gradients are summed.
    """

    def __init__(self, *, paths: int = 1) -> None:
        self.paths = paths

    def __call__(self, space: Space, rng: np.random.Generator) -> list[Arch]:
        return [space.sample(rng) for _ in range(self.paths)]


class Sandwich(Sampler):
    """The largest, the smallest and some random architectures (Yu et al. 2020, BigNAS, section 3.1).

    Largest and smallest refer to the ordinal variables; unordered choices are drawn anew each time.

    Args:
        random: number of random architectures beside the two.
    """

    def __init__(self, *, random: int = 2) -> None:
        self.random = random

    def __call__(self, space: Space, rng: np.random.Generator) -> list[Arch]:
        middle = [space.sample(rng) for _ in range(self.random)]
        return [extreme(space, rng, largest=True), *middle, extreme(space, rng, largest=False)]


def extreme(space: Space, rng: np.random.Generator, *, largest: bool) -> Arch:
    """An architecture with every ordinal at its largest (smallest) option, other choices random.

    If constraints exclude it, the nearest in a random order of variables is taken: each is set as far as they allow.
    """
    ends = {v.name: (v.options[-1 if largest else 0],) for v in space.variables if isinstance(v, Ordinal)}
    if not space.where:
        return space.restrict(ends).sample(rng)
    arch = space.sample(rng)
    for name in rng.permutation(list(ends)):
        options = space[name].options
        for value in reversed(options) if largest else options:
            if name in arch and (trial := {**arch, name: value}) in space:
                arch = space.arch(trial)
                break
    return arch


SAMPLERS = Registry("sampler", {"uniform": "archwright.supernet:Uniform", "sandwich": "archwright.supernet:Sandwich"})
