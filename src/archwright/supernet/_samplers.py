"""Which architectures a training step of the supernet visits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

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

    If constraints exclude it, one from which no single ordinal can go further: starting from a random member, ordinals
    in random order are set as far as the constraints allow, until nothing moves.

    Raises:
        Infeasible: no member was found to start from.
    """
    ordinals = [v for v in space.variables if isinstance(v, Ordinal)]
    end = -1 if largest else 0
    ends = {v.name: v.options[end] for v in ordinals}
    if not space.where:
        return space.restrict({name: (value,) for name, value in ends.items()}).sample(rng)
    values = {v.name: v.options[-1 - end] if isinstance(v, Ordinal) else v.at(rng.random()) for v in space.variables}
    values |= space.sample(rng)
    if _member(space, values | ends):
        return space.arch(_active(space, values | ends))
    while _pushed(space, values, [ordinals[i] for i in rng.permutation(len(ordinals))], largest):
        pass
    return space.arch(_active(space, values))


def _pushed(space: Space, values: dict[str, Any], ordinals: Sequence[Ordinal], largest: bool) -> bool:
    """Set each active ordinal in `values` as far as the constraints allow; whether any moved."""
    moved = False
    for v in ordinals:
        position = v.index(values[v.name])
        further = v.options[:position:-1] if largest else v.options[:position]
        if v.name in space.active(values):
            found = next((o for o in further if _member(space, values | {v.name: o})), None)
            moved |= found is not None
            values[v.name] = values[v.name] if found is None else found
    return moved


def _active(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in space.active(values)}


def spread(space: Space, count: int, rng: np.random.Generator) -> list[Arch]:
    """The smallest architecture, the largest, and random ones: `count` in all, enough to fit or to check a cost."""
    return [extreme(space, rng, largest=end) for end in (False, True)] + [space.sample(rng) for _ in range(count - 2)]


def _member(space: Space, values: Mapping[str, Any]) -> bool:
    return _active(space, values) in space


SAMPLERS = Registry("sampler", {"uniform": "archwright.supernet:Uniform", "sandwich": "archwright.supernet:Sandwich"})
