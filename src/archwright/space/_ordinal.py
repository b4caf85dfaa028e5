"""Ordered numeric options."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, final

from archwright.errors import UserError
from archwright.space._finite import Finite
from archwright.space._values import Value, number


@final
@dataclasses.dataclass(frozen=True, slots=True)
class Ordinal(Finite):
    """A variable that takes one of several ordered numbers: a width, depth, kernel size or bit-width.

    Args:
        name: unique in its space.
        options: one or more finite numbers, strictly increasing.

    Raises:
        UserError: no name, no options, an option that is not a number, or options that do not increase.

    >>> Ordinal("width", range(16, 65, 16)).options
    (16, 32, 48, 64)
    """

    @staticmethod
    def _clean(options: tuple[Any, ...], what: str) -> tuple[Value, ...]:
        numbers = tuple(number(o, what) for o in options)
        for a, b in itertools.pairwise(numbers):
            if not a < b:
                raise UserError(f"{what}: options must increase strictly, but {a!r} is followed by {b!r}")
        return numbers
