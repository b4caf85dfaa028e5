"""`archwright report RUN`: the report of a finished run, written again."""

from __future__ import annotations

import argparse
from pathlib import Path

from archwright.cli._parser import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "report",
        _report,
        about="Write the report of a finished run again: report.html and summary.csv.",
        detail="Made from the files in the run folder alone; nothing is trained or measured.",
        examples=("archwright report runs/first", "archwright report runs/first --open"),
    )
    parser.add_argument("run_folder", metavar="RUN", help="run folder")
    parser.add_argument("--open", action="store_true", help="show the page in the browser")


def _report(args: argparse.Namespace) -> int:
    from archwright.cli._session import summary
    from archwright.run import opened, write_report

    page = write_report(args.run_folder)
    print(summary(opened(args.run_folder).result, Path(args.run_folder)))
    if args.open:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    return 0
