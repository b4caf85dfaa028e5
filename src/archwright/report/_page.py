"""The page: six parts in one self-contained file."""

from __future__ import annotations

from archwright.report._answer import answer
from archwright.report._document import document
from archwright.report._facts import Facts
from archwright.report._markup import Markup, element
from archwright.report._numbers import amount, counted, duration, label
from archwright.report._reasons import reasons
from archwright.report._repeat import repeat
from archwright.report._spent import spent
from archwright.report._trade import trade
from archwright.report._trust import trust
from archwright.trial import broken

_PARTS = (
    "Answer",
    "Why this one",
    "The trade-off",
    "Can the scores be trusted",
    "What it cost",
    "How to repeat it",
)


def html(facts: Facts) -> str:
    """The report as one HTML document of UTF-8 text: no script, no image, no font, no request to any host."""
    title = f"{facts.data.get('name', 'run')}: the network that was found"
    parts = [part(facts) for part in (answer, reasons, trade, trust, spent, repeat)]
    return document(title, _header(facts), parts, _footer(facts))


def _header(facts: Facts) -> Markup:
    result = facts.result
    score = (result.get("test") or {}).get(facts.main.metric)
    tiles = [(amount(score, facts.main.metric), f"{label(facts.main.metric)} on the test part")]
    tiles += [(amount(result.get(n), n), label(n)) for n in ("params", "latency_ms", "size") if n in result]
    tiles.append((duration(result.get("seconds")), "in all"))
    return element(
        "header",
        element("p", "archwright report", class_="kicker"),
        element("h1", "A network for ", facts.data.get("name", "unknown data")),
        element("p", _verdict(facts), " ", facts.config.get("about") or ""),
        element("div", [element("p", element("b", value), what) for value, what in tiles], class_="tiles"),
        element("nav", [element("a", f"{n}. {name}", href=f"#part{n}") for n, name in enumerate(_PARTS, 1)]),
    )


def _verdict(facts: Facts) -> Markup:
    if not facts.limits:
        return element("span", "No limits were set.", class_="met")
    numbers = {k: v for k, v in facts.result.items() if isinstance(v, int | float)}
    over, unknown = broken(numbers, facts.limits), [n for n in facts.limits if n not in numbers]
    if over:
        return element("span", f"Limit broken: {', '.join(map(label, over))}.", class_="broken")
    if unknown:
        return element("span", f"Not measured on the exported file: {', '.join(map(label, unknown))}.", class_="broken")
    many = "The limit is" if len(facts.limits) == 1 else f"All {len(facts.limits)} limits are"
    return element("span", f"{many} met by the exported file.", class_="met")


def _footer(facts: Facts) -> Markup:
    version = facts.result.get("archwright", "")
    text = f"Written by archwright {version} from {counted(len(facts.trials), 'candidate')}"
    return element("footer", element("p", f"{text}; the figures need no script and no network."))
