"""Part 6: what is needed to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePath

import yaml

from archwright.report._blocks import code, listing, note, paragraph, section, table
from archwright.report._facts import Facts
from archwright.report._markup import Markup, element
from archwright.report._numbers import NONE


def repeat(facts: Facts) -> Markup:
    """The sixth part of the page."""
    return section(
        6,
        "How to repeat it",
        *_command(facts),
        table(["", ""], _rows(facts), words=(0, 1), css="record"),
        element("h3", "Versions"),
        table(
            ["package", "version"], sorted((facts.record.get("versions") or facts.result.get("versions") or {}).items())
        ),
        element("h3", "Configuration"),
        *_configuration(facts),
    )


def _command(facts: Facts) -> Iterator[Markup]:
    words = facts.record.get("command")
    if isinstance(words, Sequence) and not isinstance(words, str) and words:
        yield paragraph("The command that started the run:")
        yield listing(shlex.join(["archwright" if _is_ours(words[0]) else str(words[0]), *map(str, words[1:])]))
    yield note(
        "With the same versions on the same kind of processor, the same seed draws the same split, the same initial "
        "weights and the same candidates"
        + (
            ", but a budget in minutes ends where the speed of the machine lets it."
            if facts.config.get("minutes")
            else "."
        )
    )


def _is_ours(word: object) -> bool:
    return PurePath(str(word)).name in ("archwright", "archwright.exe", "__main__.py")


def _rows(facts: Facts) -> Iterator[list[object]]:
    machine, sizes = facts.record.get("machine") or {}, facts.data.get("sizes") or {}
    yield ["started", facts.record.get("started", NONE)]
    yield ["recipe", facts.result.get("recipe") or "none"]
    yield ["seed", facts.result.get("seed", NONE)]
    yield ["data", facts.data.get("name", NONE)]
    yield ["data, sha256", code(facts.data.get("fingerprint", NONE))]
    yield ["split", ", ".join(f"{n:,} {part}" for part, n in sizes.items()) or NONE]
    yield ["key of the architecture", code(facts.chosen.arch.key if facts.chosen else facts.network.get("key") or NONE)]
    yield ["machine", ", ".join(str(v) for v in (machine.get("platform"), machine.get("processor")) if v) or NONE]
    yield ["processor cores", machine.get("cores", NONE)]
    yield ["trained on", facts.record.get("device", NONE)]
    yield ["run folder", code(facts.result.get("folder", NONE))]


def _configuration(facts: Facts) -> Iterator[Markup]:
    if not facts.config:
        yield paragraph("It was not stored.")
        return
    text = yaml.safe_dump(dict(facts.config), sort_keys=False, allow_unicode=True)
    yield paragraph("As it took effect, defaults included; ", code("archwright run config.yaml"), " takes it as it is.")
    yield element("details", element("summary", "config.yaml"), listing(text), open="open")
