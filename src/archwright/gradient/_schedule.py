"""The fourth slot: how the space shrinks during a search."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from archwright.gradient._relaxed import options_of
from archwright.gradient._update import Mover
from archwright.space import Space


@dataclasses.dataclass(frozen=True, kw_only=True)
class View:
    """What a schedule may look at.

    Args:
        probabilities: variable to (options left [+ zero],) probabilities under the relaxation.
        alphas: variable to the parameters of the options left [+ zero].
        options: number of options every variable had at the start, zero included.
        zeros: variables with a zero that competes; it is last.
        places: variable to the positions of the options left [+ zero] in its parameters.
        mover: what moves the parameters.
        progress: part of the search that is done, in [0, 1].
        moving: whether the parameters have begun to move.
        epoch: epochs that are done.
        nothing: variable to the positions, among the options left, of those that add nothing.
    """

    probabilities: Mapping[str, Tensor]
    alphas: Mapping[str, Tensor]
    options: Mapping[str, int]
    zeros: frozenset[str]
    places: Mapping[str, Sequence[int]]
    mover: Mover
    progress: float
    moving: bool
    epoch: int = 0
    nothing: Mapping[str, frozenset[int]] = dataclasses.field(default_factory=dict)


class Schedule(ABC):
    """A step from a space to a part of it; weights and parameters are carried over.

    Attributes:
        stepwise: called after every step of the architecture; otherwise after every epoch.
    """

    stepwise: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, space: Space, view: View) -> Space:
        """The space to go on with, `space` itself or `space.restrict(...)`."""


def without(space: Space, gone: Mapping[str, list[int]]) -> Space:
    """`space` without some options, by position among those left; a variable keeps at least one (never its last)."""
    fewer = {}
    for name, positions in gone.items():
        options = options_of(space, name)
        kept = [option for n, option in enumerate(options) if n not in positions]
        if kept and len(kept) < len(options):
            fewer[name] = kept
    return space.restrict(fewer) if fewer else space
