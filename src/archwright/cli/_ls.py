"""`archwright ls`: the names one may type."""

from __future__ import annotations

import argparse
import fnmatch
import json
from collections.abc import Iterator, Mapping
from typing import Any

from archwright.cli._parser import Commands
from archwright.errors import UserError, nearest

KINDS = {
    "recipes": "", "spaces": "space", "strategies": "strategy", "estimators": "estimator", "samplers": "sampler",
    "distillations": "distillation", "relaxations": "relaxation", "hypergradients": "hypergradient",
    "updates": "update", "schedules": "schedule", "derivations": "derivation", "phases": "phase",
    "benchmarks": "benchmark", "problems": "problem", "data": "data", "devices": "",
}  # fmt: skip


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "ls",
        _ls,
        about="List recipes, spaces, strategies, estimators, benchmarks, problems, data sets, devices.",
        detail="With the name of one part: also its settings, as a recipe may give them.",
        examples=("archwright ls strategies", "archwright ls strategies nsga2", "archwright ls data 'cifar*' --json"),
    )
    parser.add_argument("kind", metavar="KIND", nargs="?", choices=KINDS, help=f"one of {', '.join(KINDS)}")
    parser.add_argument("pattern", metavar="PATTERN", nargs="?", help="name, with * and ? as wildcards")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def _ls(args: argparse.Namespace) -> int:
    from archwright import parts
    from archwright.cli._table import as_json, table

    kinds = [args.kind] if args.kind else list(KINDS)
    listed = {kind: dict(_entries(kind)) for kind in kinds}
    if args.pattern:
        names = listed[args.kind]
        listed = {args.kind: {name: names[name] for name in fnmatch.filter(names, args.pattern)}}
        if not listed[args.kind]:
            raise UserError(f"no {args.kind} match {args.pattern!r}{nearest(args.pattern, names)}")
    if args.json:
        print(as_json(listed))
    else:
        print("\n\n".join(table((kind, ""), list(names.items())) for kind, names in listed.items()))
        if args.kind and KINDS[args.kind] and args.pattern in listed[args.kind]:
            part = parts.registry(KINDS[args.kind]).load(args.pattern)
            rows = list(_settings(part, parts.defaults(part)))
            print("\n" + table(("setting", "type", "default"), rows) if rows else "\nno settings")
    return 0


def _settings(part: Any, plain: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str, str]]:
    """What a recipe may set on a part: name, type in words, default.

    Args:
        part: class or function.
        plain: its defaults as plain values.
        above: name of the setting that takes these as a mapping, with a dot.
    """
    from archwright import parts

    for setting in parts.settings(part).values():
        name, value = above + setting.name, plain.get(setting.name)
        if isinstance(value, dict) and isinstance(setting.annotation, type):
            yield from _settings(setting.annotation, value, f"{name}.")
        elif setting.name in plain or setting.required:
            yield name, parts.expected(setting.annotation), "required" if setting.required else json.dumps(value)


def _entries(kind: str) -> Iterator[tuple[str, str]]:
    from archwright import parts, recipes

    if kind == "recipes":
        yield from ((name, recipes.about(name)) for name in recipes.names())
    elif kind == "devices":
        from archwright.cli._machine import devices

        yield from devices().items()
    else:
        registry = parts.registry(KINDS[kind])
        yield from ((name, registry.about(name)) for name in registry.names())
