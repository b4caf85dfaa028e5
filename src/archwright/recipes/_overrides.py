"""`key.sub=value`: changes to a recipe from the command line."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from archwright.errors import UserError, nearest
from archwright.recipes._yaml import parse


def override(mapping: Mapping[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    """A deep copy of `mapping` with every change applied in order.

    A key that is a number picks the element of a list, counted from 0; a name picks the only element (phase) of that
    name. Levels that do not exist yet are created: `phases.search.strategy.nsga2.population=8` also works on a recipe
    that says `strategy: nsga2`, or nothing.

    Args:
        mapping: a recipe as read from YAML.
        changes: texts like `phases.search.trials=50`; the value is read as YAML.

    Raises:
        UserError: no `=`, no such element of a list, or a way through a plain value.
    """
    result = copy.deepcopy(dict(mapping))
    for change in changes:
        path, equals, text = change.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise UserError(f"{change!r} is not of the form key.sub=value")
        _set(result, keys, parse(text, change), path.strip())
    return result


def _set(node: dict[str, Any] | list[Any], keys: list[str], value: Any, path: str) -> None:
    holder: Any
    key: Any
    holder, key = _place(node, keys[0], path) if isinstance(node, list) else (node, keys[0])
    rest = keys[1:]
    if not rest:
        holder[key] = value
        return
    holder[key] = _opened(holder[key] if isinstance(holder, list) else holder.get(key), rest[0], path)
    _set(holder[key], rest, value, path)


def _place(items: list[Any], key: str, path: str) -> tuple[Any, Any]:
    """The container and key that `key` means inside a list."""
    if key.lstrip("-").isdigit():
        if not 0 <= int(key) < len(items):
            raise UserError(f"{path}: no element {key}, the list has {len(items)}, counted from 0")
        return items, int(key)
    names = [_name(item) for item in items]
    if names.count(key) > 1:
        numbers = " or ".join(str(i) for i, name in enumerate(names) if name == key)
        raise UserError(f"{path}: {key!r} stands {names.count(key)} times in the list; use its number: {numbers}")
    if key not in names:
        raise UserError(f"{path}: no element {key!r}{nearest(key, [n for n in names if n])}")
    index = names.index(key)
    if isinstance(items[index], str):
        items[index] = {key: {}}
    return items[index], key


def _name(item: Any) -> str:
    if isinstance(item, str):
        return item
    return str(next(iter(item))) if isinstance(item, Mapping) and len(item) == 1 else ""


def _opened(child: Any, below: str, path: str) -> dict[str, Any] | list[Any]:
    """`child` as something that has keys: nothing becomes empty, the bare name of a part becomes that part."""
    if child is None:
        return {}
    if isinstance(child, dict | list):
        return child
    if child == below:
        return {below: {}}
    raise UserError(f"{path}: {child!r} has no {below!r} below it")
