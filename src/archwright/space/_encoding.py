"""Architectures as vectors of fixed length, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError, nearest
from archwright.space._choice import Choice
from archwright.space._conditions import Conditions
from archwright.space._finite import Finite
from archwright.space._real import Real
from archwright.space._variable import Variable

Kind = Literal["mixed", "one_hot", "index"]


class Encoding:
    """One way of writing the architectures of a space as vectors.

    Args:
        variables: by name, in the order of the space.
        conditions: when each is active.
        kind: as for `Space.encode`.

    Attributes:
        names: what each position of the vector stands for.

    Raises:
        UserError: unknown kind.
    """

    __slots__ = ("_blocks", "_conditions", "_indices", "_kind", "_order", "_ranks", "_reals", "names")

    def __init__(self, variables: Mapping[str, Variable], conditions: Conditions, kind: Kind) -> None:
        if kind not in get_args(Kind):
            raise UserError(f"unknown encoding {kind!r}{nearest(str(kind), get_args(Kind))}")
        self._kind = kind
        self._conditions = conditions
        self._order = tuple(variables)
        self._blocks: list[tuple[int, Finite]] = []
        self._ranks: list[tuple[int, Finite, int]] = []
        self._reals: list[tuple[int, Real]] = []
        self.names: list[str] = []
        for name, variable in variables.items():
            at = len(self.names)
            if isinstance(variable, Real):
                self._reals.append((at, variable))
            elif isinstance(variable, Finite):
                if kind == "one_hot" or (kind == "mixed" and isinstance(variable, Choice)):
                    self._blocks.append((at, variable))
                    self.names += [f"{name}={option}" for option in variable.options]
                    continue
                self._ranks.append((at, variable, 1 if kind == "index" else max(len(variable.options) - 1, 1)))
            self.names.append(name)

    def encode(self, arch: Mapping[str, Any]) -> NDArray[np.float64]:
        """Vector of shape (len(names),) of a member of the space."""
        vector = np.zeros(len(self.names))
        for at, variable in self._blocks:
            if variable.name in arch:
                vector[at + variable.index(arch[variable.name])] = 1.0
        for at, variable, scale in self._ranks:
            vector[at] = variable.index(arch[variable.name]) / scale if variable.name in arch else -1.0
        for at, real in self._reals:
            if real.name not in arch:
                vector[at] = -1.0
            else:
                vector[at] = arch[real.name] if self._kind == "index" else real.position(arch[real.name])
        return vector

    def decode(self, vector: ArrayLike) -> dict[str, Any]:
        """The values nearest to `vector` of shape (len(names),), active variables only.

        Raises:
            UserError: wrong shape, or numbers that are not finite.
        """
        x = np.asarray(vector, dtype=np.float64)
        if x.shape != (len(self.names),) or not np.isfinite(x).all():
            raise UserError(
                f"decode: expected {len(self.names)} finite numbers ({self._kind!r}), got shape {x.shape}: {x}"
            )
        found: dict[str, Any] = {}
        for at, variable in self._blocks:
            found[variable.name] = variable.options[int(x[at : at + variable.count].argmax())]
        for at, variable, scale in self._ranks:
            found[variable.name] = variable.options[min(max(round(x[at] * scale), 0), variable.count - 1)]
        for at, real in self._reals:
            number = float(x[at])
            found[real.name] = real.clip(number) if self._kind == "index" else real.at(min(max(number, 0.0), 1.0))
        values = {name: found[name] for name in self._order}
        self._conditions.prune(values)
        return values
