"""The frame of every page."""

from __future__ import annotations

from importlib.resources import files

from archwright.report._markup import Markup, element


def document(title: str, *parts: object) -> str:
    """One HTML document of UTF-8 text: no script, no image, no font, no request to any host.

    Args:
        title: of the window.
        parts: what stands on the page.
    """
    style = files("archwright.report").joinpath("style.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content="default-src 'none'; style-src 'unsafe-inline'"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(style)),
    )
    body = element("body", element("main", parts))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"
