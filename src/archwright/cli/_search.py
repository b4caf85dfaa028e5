"""`archwright search DATA`: the main job."""

from __future__ import annotations

import argparse

from archwright.cli._parser import Commands, positive
from archwright.cli._request import DATA, add_data, add_limits, add_settings, config
from archwright.cli._session import add_run_options, execute


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "search",
        _run,
        about="Find, train and export the best network for a data set under limits.",
        detail=DATA,
        examples=(
            "archwright search digits --out runs/first",
            "archwright search photos/ --max-params 150k --max-latency-ms 5",
            "archwright search table.csv --label species --recipe random-search --set phases.search.trials=50",
        ),
    )
    add_data(parser)
    parser.add_argument("--strategy", help="search strategy ('archwright ls strategies'), or darts, gdas, ...")
    parser.add_argument("--estimator", help="how candidates are judged ('archwright ls estimators')")
    parser.add_argument("--objective", action="append", metavar="METRIC", help="metric to improve; repeat for several")
    add_limits(parser)
    parser.add_argument("--minutes", type=float, help="time for the whole run")
    parser.add_argument("--trials", type=positive, help="candidates to judge")
    parser.add_argument("--workers", type=positive, metavar="N", help="processes that judge them (default: 1)")
    add_settings(parser)
    add_run_options(parser)


def _run(args: argparse.Namespace) -> int:
    return execute(config(args), args)
