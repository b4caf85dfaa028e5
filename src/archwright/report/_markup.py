"""HTML and SVG as text that cannot be broken by what users call their classes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_VOID = {"meta", "br"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """`<name attribute="value">children</name>`, everything that is not `Markup` escaped.

    Args:
        name: of the element.
        children: `Markup`, anything else as text; iterables are flattened, None is nothing.
        attributes: `_` in a name becomes `-` and a trailing one is dropped (`class_`); None is left out. Floats are
            written with two decimals at most.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(_attribute(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def joined(children: Iterable[object], separator: str = "") -> Markup:
    """Children one after the other."""
    return Markup(escaped(separator).join(_child(c) for c in children if c is not None))


def escaped(value: object) -> str:
    """Text with `& < > " '` as entities; control characters and halves of surrogate pairs become U+FFFD."""
    if isinstance(value, Markup):
        return str(value)
    text = _CONTROL.sub("\ufffd", str(value))
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"))


def _child(child: object) -> str:
    if isinstance(child, str) or not isinstance(child, Iterable):
        return escaped(child)
    return joined(child)


def _attribute(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
