"""What a recipe may set on a part: the keyword-only parameters of its constructor."""

from __future__ import annotations

import dataclasses
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any

from archwright.errors import ArchwrightError

RUNTIME = frozenset(
    {
        "space", "seed", "objectives", "limits", "net", "supernet", "splits", "data", "cost", "in_channels", "classes",
        "image_size", "rng", "scorer",
    }
)  # fmt: skip
"""Arguments that the run itself gives to a part; a recipe cannot set them."""

_MISSING: Any = inspect.Parameter.empty


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """One keyword a recipe may give.

    Args:
        name: keyword.
        annotation: its type, resolved, with `Annotated` kept.
        default: value when not given.
        required: whether it must be given.
    """

    name: str
    annotation: Any
    default: Any
    required: bool


def settings(constructor: Callable[..., Any], *, reserved: frozenset[str] = RUNTIME) -> dict[str, Setting]:
    """The settable keywords of a class or function, in the order of its signature.

    Args:
        constructor: class or function.
        reserved: names left out because the run supplies them.

    Raises:
        ArchwrightError: an annotation cannot be resolved, which is a mistake of the part's author.
    """
    found = {}
    for name, parameter in inspect.signature(constructor).parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name not in reserved:
            default = _default(constructor, name, parameter.default)
            found[name] = Setting(
                name, _annotation(constructor, name, parameter.annotation), default, default is _MISSING
            )
    return found


def values(instance: Any) -> dict[str, Any]:
    """What a part was constructed with, read back from it: parts store their parameters under the same names."""
    return {name: getattr(instance, name) for name in settings(type(instance))}


def _default(constructor: Callable[..., Any], name: str, default: Any) -> Any:
    """The default as a value; dataclasses show only a placeholder for a default that a factory makes."""
    if dataclasses.is_dataclass(constructor):
        for field in dataclasses.fields(constructor):
            if field.name == name and field.default_factory is not dataclasses.MISSING:
                return field.default_factory()
    return default


def _annotation(constructor: Callable[..., Any], name: str, annotation: Any) -> Any:
    """Resolve one annotation by itself, so that a type known only to the checker elsewhere does no harm."""
    if annotation is _MISSING:
        return Any
    holder = type("_Holder", (), {"__annotations__": {name: annotation}})
    try:
        return typing.get_type_hints(holder, globalns=dict(_names(constructor, name)), include_extras=True)[name]
    except NameError as error:
        owner = getattr(constructor, "__qualname__", constructor)
        raise ArchwrightError(f"{owner}: the type of {name!r} cannot be resolved at run time: {error}") from None


def _names(constructor: Callable[..., Any], name: str) -> Mapping[str, Any]:
    """The global names the annotation was written among."""
    if dataclasses.is_dataclass(constructor) and isinstance(constructor, type):
        for owner in constructor.__mro__:
            if name in inspect.get_annotations(owner):
                return vars(sys.modules[owner.__module__])
    function: Any = constructor.__init__ if isinstance(constructor, type) else constructor  # type: ignore[misc]
    return typing.cast(Mapping[str, Any], inspect.unwrap(function).__globals__)
