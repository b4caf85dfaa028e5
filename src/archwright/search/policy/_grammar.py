"""The order in which a controller decides the variables of a space, and its vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from archwright.errors import UserError
from archwright.space import Arch, Choice, Ordinal, Real, Space

ABSENT = -1


class Grammar:
    """Architectures as rows of tokens: one column a variable, parents before their children.

    A token is the index of an option; of a `Real`, of one of `parts` equal parts of its (log) range.

    Args:
        space: whose architectures are written.
        parts: of a `Real`, at least 2.

    Attributes:
        names: the variables in the order in which they are decided.
        counts: tokens of each.

    Raises:
        UserError: fewer than two parts.
    """

    def __init__(self, space: Space, parts: int) -> None:
        if parts < 2:
            raise UserError(f"parts must be at least 2, got {parts}")
        self.space = space
        self._when = space.when
        self.names: tuple[str, ...] = tuple(self._ordered(space.names))
        self.counts = tuple(
            v.count if isinstance(v, Choice | Ordinal) else parts if v.count != 1 else 1
            for v in (space[name] for name in self.names)
        )

    def _ordered(self, names: Iterable[str]) -> dict[str, None]:
        """In the order of the space, each after the parents that decide whether it exists."""
        found: dict[str, None] = {}
        for name in names:
            if name not in found:
                found |= self._ordered(parent for term in self._when.get(name, ()) for parent in term)
                found[name] = None
        return found

    def active(self, name: str, values: Mapping[str, Any]) -> bool:
        """Whether a variable exists, given the variables decided before it."""
        if name not in self._when:
            return True
        missing = object()
        return any(
            all(values.get(parent, missing) in allowed for parent, allowed in term.items()) for term in self._when[name]
        )

    def value(self, column: int, token: int, rng: np.random.Generator) -> Any:
        """What a token stands for; of a `Real`, uniform within the part."""
        variable = self.space[self.names[column]]
        if isinstance(variable, Real):
            return variable.at((token + rng.random()) / self.counts[column])
        return variable.options[token]  # type: ignore[attr-defined]

    def tokens(self, arch: Arch) -> list[int]:
        """One token a column, `ABSENT` where the variable is not active."""
        row = []
        for name, count in zip(self.names, self.counts):
            variable = self.space[name]
            if name not in arch:
                row.append(ABSENT)
            elif isinstance(variable, Real):
                row.append(min(int(variable.position(arch[name]) * count), count - 1))
            else:
                row.append(variable.index(arch[name]))  # type: ignore[attr-defined]
        return row
