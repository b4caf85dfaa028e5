"""One point of a search space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, final

from archwright.errors import UserError
from archwright.space._values import plain


@final
class Arch(Mapping[str, Any]):
    """An architecture: an immutable, hashable mapping from variable names to values.

    Holds the active variables only, in the order of the space. Equal to any mapping with the same items; the hash does
    not depend on the order.

    Args:
        values: names to JSON scalars (str, int, float, bool, None); numpy scalars are converted.

    Raises:
        UserError: a name that is not a string, or a value that is not a JSON scalar.

    >>> a = Arch({"op": "conv3x3", "width": 16})
    >>> a["width"], a.replace({"width": 32})
    (16, Arch(op='conv3x3', width=32))
    """

    __slots__ = ("_hash", "_key", "_values")

    _values: dict[str, Any]
    _hash: int | None
    _key: str | None

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name in values:
            if not isinstance(name, str):
                raise UserError(f"names of an architecture are strings, got {name!r}")
        self._values = {str(n): plain(v, f"architecture, {n!r}") for n, v in values.items()}
        self._hash = self._key = None

    @classmethod
    def _trusted(cls, values: dict[str, Any]) -> Arch:
        """Take over `values`, known to be plain and in order, without a copy or check."""
        arch = cls.__new__(cls)
        arch._values = values
        arch._hash = arch._key = None
        return arch

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        """The value of `name`, or `default` where it is not active."""
        return self._values.get(name, default)

    def keys(self) -> KeysView[str]:
        return self._values.keys()

    def values(self) -> ValuesView[Any]:
        return self._values.values()

    def items(self) -> ItemsView[str, Any]:
        return self._values.items()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Arch):
            return self._values == other._values
        return self._values == dict(other) if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._values.items()))
        return self._hash

    @property
    def key(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the canonical JSON: the same in every process and Python version.

        Canonical: sorted names, no blanks, ASCII; 16.0 is written as 16 and True as 1, so that architectures have the
        same key exactly if they are equal.
        """
        if self._key is None:
            values = {name: _canonical(value) for name, value in self._values.items()}
            text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
            self._key = hashlib.sha256(text.encode("ascii")).hexdigest()[:16]
        return self._key

    def replace(self, changes: Mapping[str, Any]) -> Arch:
        """A copy with other values; not checked against any space (`Space.arch` does that)."""
        return Arch({**self._values, **changes})

    def to_json(self, indent: int | None = None) -> str:
        """A JSON object; `Arch.from_json` reads it."""
        return json.dumps(self._values, indent=indent, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Arch:
        """The architecture written by `to_json`.

        Raises:
            UserError: not a JSON object of scalars.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise UserError(f"not the JSON of an architecture: {error}") from None
        if not isinstance(values, dict):
            raise UserError(f"the JSON of an architecture is an object, got {text[:80]!r}")
        return cls(values)

    def __repr__(self) -> str:
        return f"Arch({', '.join(f'{n}={v!r}' for n, v in self._values.items())})"

    def __reduce__(self) -> tuple[type[Arch], tuple[dict[str, Any]]]:
        return Arch, (self._values,)


def _canonical(value: Any) -> Any:
    return int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value
