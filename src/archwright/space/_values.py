"""What a variable may be set to: JSON scalars, as plain Python objects, and lists of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from archwright.errors import UserError

Value = str | int | float | bool | None

_PLAIN = (str, int, float, bool, type(None))


def plain(value: Any, what: str) -> Value:
    """`value` as a plain Python scalar; numpy scalars are converted.

    Args:
        value: anything.
        what: the subject of the message, for example `"Choice 'op'"`.

    Raises:
        UserError: not a string, finite number, boolean or None.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) not in _PLAIN:
        raise UserError(f"{what}: {value!r} is a {type(value).__name__}; allowed: str, int, float, bool, None")
    if type(value) is float and not math.isfinite(value):
        raise UserError(f"{what}: {value!r} is not a finite number")
    return value


def number(value: Any, what: str) -> int | float:
    """`value` as a finite int or float.

    Raises:
        UserError: anything else, booleans included.
    """
    value = plain(value, what)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{what}: {value!r} is not a number")
    return value


def as_tuple(values: Any, what: str) -> tuple[Any, ...]:
    """A list, tuple, range or other iterable as a tuple.

    Raises:
        UserError: a lone string or scalar.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise UserError(f"{what}: expected a list of values, got {values!r}")
    return tuple(values)
