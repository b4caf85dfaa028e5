"""Functions as text, `module:qualified.name`, for spaces that are written to a file."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from archwright.errors import UserError, nearest
from archwright.space._constraints import label

_PACKAGE = "archwright"


def reference(function: Callable[..., Any]) -> str:
    """`module:qualified.name` of a function that can be found again under that name.

    Raises:
        UserError: a lambda, a closure, a method of an instance, or an object without a name.
    """
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and "<" not in name:
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is function:
            return f"{module}:{name}"
    raise UserError(f"{label(function)} cannot be written to JSON; use a named function defined at the top of a module")


def resolve(text: str, functions: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The function behind `text`: one of `functions`, or one defined inside archwright. Nothing else is imported.

    Raises:
        UserError: neither.
    """
    if text in functions:
        return functions[text]
    module, _, name = text.partition(":")
    if module.partition(".")[0] != _PACKAGE:
        raise UserError(f"function {text!r} is not part of {_PACKAGE}: pass functions={{{text!r}: ...}}")
    try:
        found = functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError):
        raise UserError(f"function {text!r} does not exist{nearest(text, functions)}") from None
    if not callable(found) or reference(found) != text:
        raise UserError(f"{text!r} is not a function defined in {_PACKAGE}")
    return found
