"""Pieces of a page: sections, tables, figures with their legend."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from archwright.report._markup import Markup, element

Key = tuple[str, str]  # class of a mark, what it stands for


def section(number: int, title: str, *children: object) -> Markup:
    """One of the numbered parts."""
    return element("section", element("h2", element("span", number), " ", title), children, id=f"part{number}")


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, words: Collection[int] = (0,), css: str = ""
) -> Markup:
    """A table that scrolls sideways where the screen is narrow.

    Args:
        columns: headings.
        rows: cells; a row may begin with `Markup` cells.
        words: positions of the columns that hold words; the others hold numbers.
        css: class of the table.
    """

    def cells(kind: str, row: Sequence[object]) -> list[Markup]:
        return [element(kind, cell, class_=None if n in words else "number") for n, cell in enumerate(row)]

    head = element("thead", element("tr", cells("th", columns)))
    body = element("tbody", (element("tr", cells("td", row)) for row in rows))
    return element("div", element("table", head, body, class_=css or None), class_="scroll")


def figure(picture: Markup, caption: object, keys: Sequence[Key] = (), *, css: str = "") -> Markup:
    """A picture with its legend and caption."""
    legend = element("p", [_key(css_, text) for css_, text in keys], class_="legend") if keys else None
    return element("figure", legend, picture, element("figcaption", caption), class_=css or None)


def _key(css: str, text: str) -> Markup:
    shape = (
        element("path", d="M0 6H14", class_=css)
        if css.startswith("line")
        else element("circle", cx=7, cy=6, r=4, class_=css)
    )
    return element("span", element("svg", shape, viewBox="0 0 14 12", class_="key"), text)


def paragraph(*children: object) -> Markup:
    """A paragraph."""
    return element("p", children)


def note(*children: object) -> Markup:
    """A paragraph in small print."""
    return element("p", children, class_="note")


def strong(text: object) -> Markup:
    """Set off."""
    return element("strong", text)


def code(text: object) -> Markup:
    """Names and values as a program sees them."""
    return element("code", text)


def listing(text: str, *, css: str = "") -> Markup:
    """Several lines of code."""
    return element("pre", element("code", text), class_=css or None)
