"""From architectures to rows of a table and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.space import Arch, Choice, Ordinal, Space

_Items = tuple[tuple[str, Any], ...]


class Rows(Protocol):
    """Which architecture stands in which row."""

    def __len__(self) -> int:
        """Number of rows."""

    def index(self, arch: Mapping[str, Any]) -> int:
        """The row of `arch`. Raises UserError if there is none."""

    def arch(self, index: int) -> Arch:
        """The architecture of a row."""


@final
class FiniteRows:
    """Rows of a space of a few finite variables that are always active.

    Args:
        space: of `Choice` and `Ordinal` variables.
        options: (n, variables), for each row the position of each variable's value among its options.
    """

    def __init__(self, space: Space, options: NDArray[Any]) -> None:
        self._space = space
        columns = []
        for variable, column in zip(space.variables, options.T, strict=True):
            assert isinstance(variable, Choice | Ordinal)
            pairs = [(variable.name, option) for option in variable.options]
            columns.append([pairs[i] for i in column.tolist()])
        self._items: list[_Items] = list(zip(*columns, strict=True))
        self._row = {items: row for row, items in enumerate(self._items)}

    def __len__(self) -> int:
        return len(self._items)

    def index(self, arch: Mapping[str, Any]) -> int:
        try:
            return self._row[tuple(arch.items())]
        except (KeyError, TypeError):  # in another order, not of the space, or a value that cannot be hashed
            return self._row[self._known(arch)]

    def _known(self, arch: Mapping[str, Any]) -> _Items:
        """The items of `arch` in the order of the space, or the reason why it has no row."""
        found = self._space.arch(arch)
        items = tuple((variable.name, found[variable.name]) for variable in self._space.variables)
        if items not in self._row:
            raise UserError(f"the table has no entry for {dict(found)}")
        return items

    def arch(self, index: int) -> Arch:
        return Arch(dict(self._items[index]))


@final
class Architectures(Sequence[Arch]):
    """Every architecture of a table in the order of its rows, made when asked for."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        """The architecture of a row, or a list of them for a slice."""
        if isinstance(index, slice):
            return [self._rows.arch(i) for i in range(len(self))[index]]
        return self._rows.arch(range(len(self))[index])

    def __iter__(self) -> Iterator[Arch]:
        return map(self._rows.arch, range(len(self)))


def options_of(space: Space, values: NDArray[Any]) -> NDArray[np.intp]:
    """(n, variables) values as positions among the options of each variable."""
    columns = []
    for variable, column in zip(space.variables, values.T, strict=True):
        assert isinstance(variable, Choice | Ordinal)
        place = {option: i for i, option in enumerate(variable.options)}
        columns.append([place[value] for value in column.tolist()])
    return np.array(columns, dtype=np.intp).T
