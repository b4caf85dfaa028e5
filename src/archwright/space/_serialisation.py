"""The declaration of a space as plain JSON data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from archwright.errors import UserError, nearest
from archwright.space._choice import Choice
from archwright.space._ordinal import Ordinal
from archwright.space._real import Real
from archwright.space._reference import reference, resolve
from archwright.space._variable import Variable

_FORMAT = "archwright.space/1"
_KINDS: dict[str, type[Variable]] = {"choice": Choice, "ordinal": Ordinal, "real": Real}

Functions = Mapping[str, Callable[..., Any]]


def dump(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Space` as JSON data; functions by reference.

    Raises:
        UserError: a function that cannot be found under a name.
    """
    plain = {
        **arguments,
        "variables": [v.to_json() for v in arguments["variables"]],
        "where": [reference(f) for f in arguments["where"]],
        **{key: reference(arguments[key]) for key in ("canonical", "graph") if arguments[key]},
    }
    return {"format": _FORMAT, **{key: value for key, value in plain.items() if value or key == "variables"}}


def load(text: str, functions: Functions) -> dict[str, Any]:
    """The arguments of `Space` from the text of `Space.to_json`.

    Raises:
        UserError: not such a text, or a function that may not or cannot be resolved.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UserError(f"not the JSON of a space: {error}") from None
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise UserError(f"the JSON of a space is an object with format={_FORMAT!r}, got {text[:80]!r}")
    try:
        arguments: dict[str, Any] = {
            "variables": [_variable(v) for v in data["variables"]],
            "when": data.get("when", {}),
            "where": [resolve(f, functions) for f in data.get("where", ())],
            "name": data.get("name", ""),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"the JSON of the space is damaged: {error!r}") from None
    return arguments | {key: resolve(data[key], functions) for key in ("canonical", "graph") if key in data}


def _variable(data: dict[str, Any]) -> Variable:
    arguments = dict(data)
    kind = arguments.pop("kind")
    if kind not in _KINDS:
        raise UserError(f"unknown kind of variable {kind!r}{nearest(str(kind), _KINDS)}")
    return _KINDS[kind](**arguments)
