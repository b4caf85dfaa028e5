"""`archwright ls`: the names one may type."""

from __future__ import annotations

import argparse
import fnmatch
from collections.abc import Iterator

from archwright.cli._parser import Commands
from archwright.errors import UserError, nearest

KINDS = {
    "recipes": "", "spaces": "space", "strategies": "strategy", "estimators": "estimator", "samplers": "sampler",
    "phases": "phase", "data": "data", "devices": "",
}  # fmt: skip


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "ls",
        _ls,
        about="List recipes, spaces, strategies, estimators, data sets, devices.",
        examples=("archwright ls", "archwright ls strategies", "archwright ls data 'cifar*' --json"),
    )
    parser.add_argument("kind", metavar="KIND", nargs="?", choices=KINDS, help=f"one of {', '.join(KINDS)}")
    parser.add_argument("pattern", metavar="PATTERN", nargs="?", help="name, with * and ? as wildcards")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def _ls(args: argparse.Namespace) -> int:
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
    return 0


def _entries(kind: str) -> Iterator[tuple[str, str]]:
    from archwright import recipes

    if kind == "recipes":
        yield from ((name, recipes.about(name)) for name in recipes.names())
    elif kind == "devices":
        from archwright.cli._machine import devices

        yield from devices().items()
    else:
        registry = recipes.registry(KINDS[kind])
        yield from ((name, registry.about(name)) for name in registry.names())
