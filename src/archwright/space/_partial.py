"""An architecture of which only a part is decided, for counting what constraints allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archwright.space._conditions import Rule

Rules = dict[str, Rule]


class Unknown(BaseException):
    """A constraint read an open variable. Not an `Exception`, so that a constraint is less likely to swallow it."""


class Partial(Mapping[str, Any]):
    """The decided part of an architecture; notes the first open variable that is read."""

    __slots__ = ("_names", "_rules", "_values", "asked")

    def __init__(self, names: Sequence[str], rules: Rules, values: dict[str, Any]) -> None:
        self._names = names
        self._rules = rules
        self._values = values
        self.asked: str | None = None

    def _ask(self, name: str) -> None:
        self.asked = self.asked or name
        raise Unknown

    def __getitem__(self, name: str) -> Any:
        if name in self._rules:
            self._ask(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        for name in self._rules:
            self._ask(name)
        return (name for name in self._names if name in self._values)

    def __len__(self) -> int:
        return sum(1 for _ in self)
