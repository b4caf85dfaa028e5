"""Variables with a list of options."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Set
from typing import Any

import numpy as np

from archwright.errors import UserError
from archwright.space._values import Value, as_tuple
from archwright.space._variable import Variable, check_name


@dataclasses.dataclass(frozen=True, slots=True)
class Finite(Variable):
    """A variable with finitely many options; equal and hashed by kind, name and options.

    Args:
        name: unique in its space.
        options: at least one; stored as a tuple of plain Python scalars.

    Raises:
        UserError: no name, no options, equal options (1, 1.0 and True are equal), or an option that is not allowed.
    """

    name: str
    options: tuple[Any, ...]
    _index: dict[Any, int] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        kind = type(self).__name__
        check_name(self.name, kind)
        if isinstance(self.options, Set | Mapping):
            raise UserError(f"{kind} {self.name!r}: options must be in order, a list or tuple; got {self.options!r}")
        options = as_tuple(self.options, f"{kind} {self.name!r}: options")
        options = self._clean(options, f"{kind} {self.name!r}")
        index = {option: i for i, option in enumerate(options)}
        if not options:
            raise UserError(f"{kind} {self.name!r}: there must be at least one option")
        if len(index) < len(options):
            twice = next(o for i, o in enumerate(options) if index[o] != i)
            raise UserError(f"{kind} {self.name!r}: options must be distinct, {twice!r} is there twice: {options}")
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "_index", index)

    @staticmethod
    @abc.abstractmethod
    def _clean(options: tuple[Any, ...], what: str) -> tuple[Value, ...]:
        """Options as plain values, each checked for this kind of variable."""

    @property
    def count(self) -> int:
        """Number of options."""
        return len(self.options)

    @property
    def allowed(self) -> str:
        return str(list(self.options))

    def has(self, value: Any) -> bool:
        return value in self._index

    def index(self, value: Any) -> int:
        """Position of `value` among the options.

        Raises:
            UserError: not an option.
        """
        try:
            return self._index[value]
        except (KeyError, TypeError):
            raise UserError(f"{self.name!r} cannot be {value!r}; allowed: {self.allowed}") from None

    def check(self, value: Any) -> Value:
        return self.options[self.index(value)]

    def at(self, u: float) -> Value:
        return self.options[int(u * len(self.options))]

    def other(self, value: Any, rng: np.random.Generator) -> Value:
        position = int(rng.random() * (len(self.options) - 1))
        return self.options[position + (position >= self._index[value])]

    def restrict(self, options: Any) -> Variable:
        """The same variable with some of its options, in the old order, whatever the order of `options`."""
        kept = {self.index(o) for o in as_tuple(options, f"restriction of {self.name!r}")}
        if not kept:
            raise UserError(f"restriction of {self.name!r}: keep at least one of {self.allowed}")
        return type(self)(self.name, tuple(o for i, o in enumerate(self.options) if i in kept))

    def to_json(self) -> dict[str, Any]:
        return {"kind": type(self).__name__.lower(), "name": self.name, "options": list(self.options)}
