"""Unordered options."""

from __future__ import annotations

import dataclasses
from typing import Any, final

from archwright.space._finite import Finite
from archwright.space._values import Value, plain


@final
@dataclasses.dataclass(frozen=True, slots=True)
class Choice(Finite):
    """A variable that takes one of several unordered options, such as the operation of an edge.

    Args:
        name: unique in its space.
        options: one or more distinct JSON scalars (str, int, float, bool, None).

    Raises:
        UserError: no name, no options, equal options, or an option that is not a JSON scalar.

    >>> Choice("op", ["conv3x3", "skip"]).options
    ('conv3x3', 'skip')
    """

    @staticmethod
    def _clean(options: tuple[Any, ...], what: str) -> tuple[Value, ...]:
        return tuple(plain(o, what) for o in options)
