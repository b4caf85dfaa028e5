"""Which architectures lie among the examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archwright.space import Arch, Choice, Space

_ABSENT = object()


class Coverage:
    """The range of every variable over the examples.

    An architecture is inside if every `Choice` has an option of an example and every `Ordinal` or `Real` a value from
    the smallest to the largest of the examples; a variable that is not active must be so in an example, too.

    Args:
        space: of the architectures.
        archs: the examples.
    """

    def __init__(self, space: Space, archs: Sequence[Arch]) -> None:
        self._unordered = {v.name for v in space.variables if isinstance(v, Choice)}
        self._seen: dict[str, set[Any]] = {name: {arch.get(name, _ABSENT) for arch in archs} for name in space.names}

    def outside(self, arch: Arch) -> tuple[str, ...]:
        """The names of the variables with a value that the examples do not reach; empty if there is none."""
        return tuple(name for name in self._seen if not self._reached(name, arch.get(name, _ABSENT)))

    def _reached(self, name: str, value: Any) -> bool:
        seen = self._seen[name]
        if value in seen:
            return True
        values = seen - {_ABSENT}
        if value is _ABSENT or name in self._unordered or not values:
            return False
        return bool(min(values) <= value <= max(values))
