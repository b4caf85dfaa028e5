"""`Result`: how good an architecture was at one budget."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from archwright.search._fitness import fitness
from archwright.space import Arch
from archwright.trial import Objective, Trial


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Result:
    """Ordered by violation of the limits, loss and the time it came in; compared within one budget only.

    Args:
        rank: total excess over the limits, loss of the main objective; infinite for failed trials.
        order: trials told before it.
        arch: what was evaluated.
        promotable: complete, with a finite loss.
    """

    rank: tuple[float, ...]
    order: int
    arch: Arch = dataclasses.field(compare=False)
    promotable: bool = dataclasses.field(compare=False)

    @classmethod
    def of(cls, trial: Trial, order: int, objective: Objective, limits: Mapping[str, float]) -> Result:
        """From a finished trial; one that did not complete ranks behind all that did."""
        complete = trial.state == "complete"
        rank = fitness(trial, [objective], limits) if complete else (math.inf, math.inf)
        return cls(rank, order, trial.arch, all(map(math.isfinite, rank)))
