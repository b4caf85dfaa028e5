"""`archwright run FILE`: a recipe of one's own."""

from __future__ import annotations

import argparse
import sys

from archwright.cli._parser import Commands
from archwright.cli._session import add_run_options, execute


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "run",
        _run,
        about="Run a recipe file.",
        detail="The file names its data under 'data:'. Code named under 'net:' is imported only if repeated: net=...",
        examples=(
            "archwright cp default mine.yaml && archwright run mine.yaml data=digits",
            "archwright run mine.yaml --out runs/mine phases.search.trials=50 limits.params=40k",
            "archwright run runs/mine/config.yaml seed=1 --out runs/mine-1",
        ),
    )
    parser.add_argument("file", metavar="FILE", help="recipe file, or name of a shipped recipe")
    parser.add_argument("changes", metavar="KEY.SUB=VALUE", nargs="*", default=[], help="changes to the recipe")
    add_run_options(parser)


def _run(args: argparse.Namespace) -> int:
    from archwright import recipes

    config = recipes.check(recipes.read(args.file, args.changes))
    if config.net:
        sys.path.insert(0, "")  # the user's own module beside them, as `python -m` would find it
    return execute(config, args)
