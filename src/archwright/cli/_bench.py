"""`archwright bench`: methods judged on published tables."""

from __future__ import annotations

import argparse

from archwright.cli import _bench_estimators
from archwright.cli._parser import Commands


def add(commands: Commands) -> None:
    """Add the command and those below it."""
    parser = commands.add(
        "bench",
        _help,
        about="Judge estimators on published tables of trained networks.",
        detail="Tables are looked for in the folder that ARCHWRIGHT_DATA names and in the cache, else downloaded: "
        "'archwright ls benchmarks'.",
        examples=(
            "archwright bench estimators --problem nasbench201 --estimators naswot,synflow --count 500",
            "archwright bench estimators --problem nats-size --count all",
        ),
    )
    below = Commands(parser, "bench")
    _bench_estimators.add(below)


def _help(args: argparse.Namespace) -> int:
    args.parser.print_help()
    return 0
