"""A typed configuration as a plain mapping again, with every default in sight."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from archwright.parts._settings import RUNTIME, Setting, settings, values
from archwright.parts._types import component, optional
from archwright.parts._vocabulary import Vocabulary
from archwright.registry import Part


class _NotPlainError(Exception):
    """A default that YAML cannot hold (a function, say); it stays unsaid."""


def effective(config: object, *, vocabulary: Vocabulary | None = None) -> dict[str, Any]:
    """What a run really uses: every key with its value, defaults included, as lists, mappings, text and numbers.

    `recipes.check(effective(config))` gives the same configuration back, with the defaults spelt out.

    Args:
        config: result of `recipes.check`.
        vocabulary: as in `recipes.check`.
    """
    fields = settings(type(config), reserved=frozenset())
    writer = _Writer(vocabulary or Vocabulary.installed())
    return writer.keywords(fields, {name: getattr(config, name) for name in fields})


def defaults(constructor: Callable[..., Any], *, vocabulary: Vocabulary | None = None) -> dict[str, Any]:
    """What a part gets when a recipe says nothing but its name; settings that must be given are left out.

    Args:
        constructor: class or function of the part.
        vocabulary: as in `recipes.check`.
    """
    return _Writer(vocabulary or Vocabulary.installed()).keywords(settings(constructor), {})


class _Writer:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._registries = vocabulary.registries

    def keywords(self, allowed: Mapping[str, Setting], given: Mapping[str, Any]) -> dict[str, Any]:
        """All settings of one constructor: those given, and the defaults of the others."""
        plain = {}
        for name, setting in allowed.items():
            if name in given:
                plain[name] = self._plain(given[name], setting.annotation)
            elif not setting.required:
                try:
                    plain[name] = self._plain(setting.default, setting.annotation)
                except _NotPlainError:
                    continue
        return plain

    def _plain(self, value: Any, annotation: Any = None) -> Any:
        if isinstance(value, enum.Enum):
            return value.value
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, Path):
            return str(value)
        if isinstance(value, Part):
            constructor = self._registries[value.kind].load(value.name)
            return {value.name: self.keywords(settings(constructor, reserved=RUNTIME), value.settings)}
        if isinstance(value, Mapping):
            return {str(key): self._plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._plain(item) for item in value]
        if component(optional(annotation)[0]):
            return self.keywords(settings(type(value)), values(value))
        raise _NotPlainError
