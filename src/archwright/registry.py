"""Names that a person types on the command line or in a recipe, each bound to an import path.

Nothing is imported until a name is used, so listing names stays cheap. A plug-in adds names through the entry-point
group `archwright.<kind>`, for example `archwright.strategies`.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import inspect
from collections.abc import Mapping
from typing import Any

from archwright.errors import UserError, nearest


class Registry:
    """An ordered table from names to `"module:attribute"`.

    Args:
        kind: singular noun used in messages and, with an `s`, as entry-point group: `"space"`, `"strategy"`.
        entries: name to import path.
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)
        self._with_plugins: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        if self._with_plugins is None:
            plural = self.kind[:-1] + "ies" if self.kind.endswith("y") else self.kind + "s"
            found = {e.name: e.value for e in importlib.metadata.entry_points(group=f"archwright.{plural}")}
            self._with_plugins = {**found, **self._entries}
        return self._with_plugins

    def names(self) -> list[str]:
        """Every name, sorted."""
        return sorted(self._all())

    def load(self, name: str) -> Any:
        """The object behind `name`.

        Raises:
            UserError: unknown name; the message lists the close ones.
        """
        entries = self._all()
        if name not in entries:
            raise UserError(f"unknown {self.kind} {name!r}{nearest(name, entries)}")
        module, _, attribute = entries[name].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def about(self, name: str) -> str:
        """First line of the documentation of what `name` stands for."""
        return (self.load(name).__doc__ or "").strip().split("\n", 1)[0]


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """A part named in a recipe: what to construct, with which settings, once the run knows the rest.

    Args:
        kind: registry it comes from: `"strategy"`, `"estimator"`, ...
        name: registered name.
        settings: keyword arguments, already checked against the constructor.
    """

    kind: str
    name: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def build(self, registry: Registry, **runtime: Any) -> Any:
        """Construct it; of `runtime` (space, seed, data, ...) it gets those that its constructor names."""
        constructor = registry.load(self.name)
        accepted = inspect.signature(constructor).parameters
        return constructor(**{k: v for k, v in runtime.items() if k in accepted}, **self.settings)
