"""`archwright bench`: methods judged on published tables and problems."""

from __future__ import annotations

import argparse

from archwright.cli import _bench_estimators, _bench_strategies
from archwright.cli._parser import Commands


def add(commands: Commands) -> None:
    """Add the command and those below it."""
    parser = commands.add(
        "bench",
        _help,
        about="Judge estimators and strategies on published tables of trained networks, and on problems.",
        detail="Tables are looked for in the folder that ARCHWRIGHT_DATA names and in the cache, else downloaded: "
        "'archwright ls benchmarks'.",
        examples=(
            "archwright bench estimators --problem nasbench201 --estimators naswot,synflow --count 500",
            "archwright bench estimators --problem nats-size --count all",
            "archwright bench strategies --problem nasbench201 --budget 150 --seeds 20 --strategies random,nsga2",
        ),
    )
    below = Commands(parser, "bench")
    _bench_estimators.add(below)
    _bench_strategies.add(below)


def _help(args: argparse.Namespace) -> int:
    args.parser.print_help()
    return 0
