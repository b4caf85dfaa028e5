"""What every kind of variable can do."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np

from archwright.errors import UserError
from archwright.space._values import Value


class Variable(abc.ABC):
    """A named decision of a search space: `Choice`, `Ordinal` or `Real`."""

    __slots__ = ()

    name: str

    @property
    @abc.abstractmethod
    def count(self) -> int | float:
        """Number of values; infinite for a `Real` of more than one value."""

    @property
    @abc.abstractmethod
    def allowed(self) -> str:
        """The values in words, for messages."""

    @abc.abstractmethod
    def has(self, value: Any) -> bool:
        """Whether `value` equals one of the values; a `TypeError` for what cannot be hashed."""

    @abc.abstractmethod
    def check(self, value: Any) -> Value:
        """The variable's own value that equals `value` (16.0 -> 16, numpy -> Python).

        Raises:
            UserError: not a value of this variable.
        """

    @abc.abstractmethod
    def at(self, u: float) -> Value:
        """The value at quantile `u` in [0, 1) of the uniform distribution over this variable."""

    @abc.abstractmethod
    def other(self, value: Any, rng: np.random.Generator) -> Value:
        """A random value different from `value`; only for variables of more than one value."""

    @abc.abstractmethod
    def restrict(self, options: Any) -> Variable:
        """The same variable with fewer values.

        Raises:
            UserError: empty, or not a part of the values.
        """

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain dictionary with the keys `kind`, `name` and the arguments of the constructor."""


def check_name(name: Any, kind: str) -> None:
    """Names are strings with at least one character."""
    if not isinstance(name, str) or not name:
        raise UserError(f"{kind}: the name must be a string that is not empty, got {name!r}")
