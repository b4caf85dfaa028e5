"""Plain values against type annotations, strictly, with the expectation in words."""

from __future__ import annotations

import collections.abc
import enum
import json
import pathlib
import types
import typing
from collections.abc import Mapping
from typing import Any

import pydantic

from archwright.errors import UserError
from archwright.parts._settings import settings
from archwright.registry import Part

_WORDS: dict[Any, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null",
    pathlib.Path: "a path", Any: "any value",
}  # fmt: skip
_LISTS = (tuple, list, set, frozenset, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_MAPPINGS = (dict, collections.abc.Mapping)


def scalar(path: str, annotation: Any, raw: Any) -> Any:
    """`raw` as the annotated type, without conversions that hide a mistake: `1` is a number, `"1"` and `true` are not.

    Args:
        path: where the value stands, for messages.
        annotation: a resolved annotation of numbers, text, literals, lists and mappings of them.
        raw: value as read from YAML.

    Raises:
        UserError: another type, or outside the range that the annotation states.
    """
    try:
        text = json.dumps(raw)
    except TypeError:
        raise UserError(f"{path}: expected {expected(annotation)}, got {raw!r}") from None
    annotation = _writable(annotation)
    try:
        return pydantic.TypeAdapter(annotation).validate_json(text, strict=True)
    except pydantic.ValidationError as error:
        raise UserError(f"{path}: {_reason(error.errors()[0], annotation, raw)}") from None
    except pydantic.errors.PydanticUserError:
        raise UserError(f"{path}: {_python_only(annotation)}") from None


def _writable(annotation: Any) -> Any:
    """A union without the members that only Python can give, such as functions; anything else as it is."""
    members = typing.get_args(annotation) if typing.get_origin(annotation) in (typing.Union, types.UnionType) else ()
    plain = tuple(member for member in members if not _python_object(member))
    return typing.Union[plain] if plain else annotation  # noqa: UP007  built at run time


def _python_object(annotation: Any) -> bool:
    if typing.get_origin(annotation) is collections.abc.Callable:
        return True
    try:
        pydantic.TypeAdapter(annotation)
    except pydantic.errors.PydanticUserError:
        return True
    return False


def _reason(error: Mapping[str, Any], annotation: Any, raw: Any) -> str:
    kind, text = error["type"], error["msg"]
    if kind in ("callable_type", "is_instance_of", "is_subclass_of"):
        return _python_only(annotation)
    if kind.endswith(("_type", "_error")) or kind in ("int_from_float", "missing"):
        return f"expected {expected(annotation)}, got {_shown(raw)}"
    return f"{text[:1].lower()}{text[1:]}, got {raw!r}"


def _python_only(annotation: Any) -> str:
    return f"cannot be set from a recipe, only in Python (it takes {expected(annotation)})"


def expected(annotation: Any) -> str:
    """An annotation in words: `"a whole number or null"`."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        kinds = [word for word in arguments[1:] if isinstance(word, str)]
        return f"{'an' if kinds[0][0] in 'aeiou' else 'a'} {kinds[0]}" if kinds else expected(arguments[0])
    if origin is typing.Literal:
        return "one of " * (len(arguments) > 1) + ", ".join(repr(a) for a in arguments)
    if origin in (typing.Union, types.UnionType):
        plain = [a for a in arguments if typing.get_origin(a) is not collections.abc.Callable]
        return " or ".join(dict.fromkeys(expected(a) for a in plain or arguments))
    if origin in _LISTS or annotation in _LISTS:
        inner = [a for a in arguments if a is not Ellipsis]
        return f"a list ({', '.join(dict.fromkeys(expected(a) for a in inner))} each)" if inner else "a list"
    if origin in _MAPPINGS or annotation in _MAPPINGS:
        return f"a mapping (names to {expected(arguments[1])})" if arguments else "a mapping"
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return "one of " + ", ".join(repr(member.value) for member in annotation)
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def optional(annotation: Any) -> tuple[Any, bool]:
    """The annotation without its `None`, and whether it had one."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = tuple(a for a in typing.get_args(annotation) if a is not type(None))
        return typing.Union[rest], len(rest) < len(typing.get_args(annotation))  # noqa: UP007  built at run time
    return annotation, False


def component(annotation: Any) -> bool:
    """Whether it is a class that a recipe writes as a mapping of its own keywords (such as `Trainer`)."""
    return (
        isinstance(annotation, type)
        and annotation is not Part
        and annotation.__module__ not in ("builtins", "pathlib", "collections.abc")
        and not issubclass(annotation, enum.Enum)
        and bool(settings(annotation))
    )


def _shown(raw: Any) -> str:
    kind = {str: "text", bool: "true or false", dict: "a mapping", list: "a list"}.get(type(raw))
    return f"{raw!r}" + (f" ({kind})" if kind else "")
