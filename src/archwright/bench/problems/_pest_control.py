"""Pest control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from archwright.bench.problems._problem import Problem
from archwright.errors import UserError
from archwright.space import Choice, Space

_STAGES, _SIMULATIONS, _THRESHOLD = 25, 100, 0.1
_BETA = (0.0, 2 / 7, 3 / 7, 3 / 7, 5 / 7)  # of the control rate of each pesticide, before it is used
_TOLERANCE = (0.0, 1 / 7, 2.5 / 7, 2 / 7, 0.5 / 7)  # added to it over 25 uses
_PRICE = (0.0, 1.0, 0.8, 0.7, 0.5)
_DISCOUNT = (0.0, 0.2, 0.3, 0.3, 0.0)  # over 25 uses


@final
class PestControl(Problem):
    """25 stages, at each nothing or one of four pesticides, which cost money and lose their effect (Oh et al. 2019).

    Cost: what the pesticides cost, cheaper by quantity, plus the expected number of stages at which more than a tenth
    is infested, simulated 100 times. As in the code of CASMOPOLITAN (Wan et al. 2021), random numbers are seeded anew
    for every draw, so that an architecture has one value. The least one known of the default instance is 12.10:
    pesticide 4 always, at last nothing; of other instances that policy is taken for it.

    Args:
        instance: seed of the simulation, one of `INSTANCES` in the published comparison.
        noise: standard deviation on every evaluation. Wan et al.: about 1e-6.

    Raises:
        UserError: a negative seed.
    """

    name = "pest-control"
    exact = False
    unit = "cost"
    INSTANCES: ClassVar[tuple[int, ...]] = tuple(
        np.sort(np.random.RandomState(sum(map(ord, "PESTCONTROL"))).randint(0, 10000, 25)).tolist()
    )

    def __init__(self, *, instance: int = 8194, noise: float = 1e-6) -> None:
        if not 0 <= instance < 2**32:
            raise UserError(f"instance is a seed from 0 to 2^32 - 1, got {instance!r}")
        self.instance = instance
        self._start = self._draw(1.0, 30.0)
        self._spread = self._draw(1.0, 17.0 / 3.0)
        self._control = [[self._draw(1.0, beta) for beta in _betas(choice)] for choice in range(1, 5)]
        space = Space([Choice(f"stage{i:02d}", (0, 1, 2, 3, 4)) for i in range(1, _STAGES + 1)], name=self.name)
        super().__init__(space=space, optimum=self._cost([4] * (_STAGES - 1) + [0]), noise=noise)

    @property
    def settings(self) -> dict[str, Any]:
        return {"instance": self.instance, **super().settings}

    def value(self, arch: Mapping[str, Any]) -> float:
        return self._cost([arch[name] for name in self.space.names])

    def _draw(self, alpha: float, beta: float) -> NDArray[np.float64]:
        """(100,) values, the same generator from its start each time."""
        return np.random.RandomState(self.instance).beta(alpha, beta, size=_SIMULATIONS)

    def _cost(self, policy: list[int]) -> float:
        infested, cost, used = self._start, 0.0, [0] * 5
        for choice in policy:
            cost += float((infested > _THRESHOLD).mean())
            if choice:
                infested = (1.0 - self._control[choice - 1][used[choice]]) * infested
                used[choice] += 1
                cost += _PRICE[choice] * (1.0 - _DISCOUNT[choice] / _STAGES * policy.count(choice))
            else:
                infested = self._spread * (1 - infested) + infested
        return cost


def _betas(choice: int) -> list[float]:
    """Parameter of the control rate after 0, 1, ... uses, added up as it is published."""
    betas = [_BETA[choice]]
    for _ in range(_STAGES - 1):
        betas.append(betas[-1] + _TOLERANCE[choice] / _STAGES)
    return betas
