"""Continuous variables."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import numpy as np

from archwright.errors import UserError
from archwright.space._values import as_tuple, number
from archwright.space._variable import Variable, check_name

_STEP = 0.1  # standard deviation of a mutation, as a part of the (log) range
_TRIES = 32


@final
@dataclasses.dataclass(frozen=True, slots=True)
class Real(Variable):
    """A variable that takes any number in a closed interval, such as a dropout rate.

    Args:
        name: unique in its space.
        low: smallest value, included.
        high: largest value, included; `low == high` fixes the variable.
        log: sample, encode and mutate on the logarithmic scale; needs `low > 0`.

    Raises:
        UserError: no name, bounds that are not finite numbers, `low > high`, or `log` with `low <= 0`.
    """

    name: str
    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, "Real")
        what = f"Real {self.name!r}"
        object.__setattr__(self, "low", float(number(self.low, what)))
        object.__setattr__(self, "high", float(number(self.high, what)))
        object.__setattr__(self, "log", bool(self.log))
        if self.low > self.high:
            raise UserError(f"{what}: low must not be above high, got low={self.low} and high={self.high}")
        if self.log and self.low <= 0:
            raise UserError(f"{what}: a logarithmic scale needs low > 0, got low={self.low}")

    @property
    def count(self) -> int | float:
        return math.inf if self.low < self.high else 1

    @property
    def allowed(self) -> str:
        return f"numbers from {self.low} to {self.high}"

    def has(self, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    def check(self, value: Any) -> float:
        if isinstance(value, np.generic):
            value = value.item()
        if not self.has(value):
            raise UserError(f"{self.name!r} cannot be {value!r}; allowed: {self.allowed}")
        return float(value)

    def clip(self, value: float) -> float:
        """The number in the interval that is nearest to `value`."""
        return min(max(value, self.low), self.high)

    def at(self, u: float) -> float:
        """The value at position `u` in [0, 1] of the (log) range; inverse of `position`."""
        low, high = self._ends()
        value = low + u * (high - low)
        return self.clip(math.exp(value) if self.log else value)

    def position(self, value: float) -> float:
        """Where `value` lies on the (log) range, in [0, 1]; 0 for a fixed variable."""
        low, high = self._ends()
        return ((math.log(value) if self.log else value) - low) / (high - low) if low < high else 0.0

    def _ends(self) -> tuple[float, float]:
        return (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)

    def other(self, value: float, rng: np.random.Generator) -> float:
        """`value` moved by a Gaussian step of 10 % of the (log) range, clipped to the range, different from `value`."""
        position = self.position(value)
        for _ in range(_TRIES):
            moved = self.at(min(max(position + _STEP * rng.standard_normal(), 0.0), 1.0))
            if moved != value:
                return moved
        return self.low if position > 0.5 or value == self.high else self.high

    def restrict(self, options: Any) -> Real:
        """The same variable on a smaller interval, `options = (low, high)`."""
        bounds = as_tuple(options, f"restriction of {self.name!r}")
        if len(bounds) != 2:
            raise UserError(f"restriction of {self.name!r}: expected (low, high), got {options!r}")
        return Real(self.name, self.check(bounds[0]), self.check(bounds[1]), self.log)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "real", "name": self.name, "low": self.low, "high": self.high, "log": self.log}
