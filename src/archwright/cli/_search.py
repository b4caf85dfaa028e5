"""`archwright search DATA`: the main job."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from archwright.cli._parser import Commands, positive
from archwright.errors import UserError

_LIMITS = {
    "max_params": ("params", "N", "most parameters: 150k, 1.5M"),
    "max_flops": ("flops", "N", "most FLOPs of one forward pass of one row (2 x MACs): 20M"),
    "max_latency_ms": ("latency_ms", "MS", "longest forward pass of one row on this machine, in milliseconds"),
    "max_size": ("size", "SIZE", "largest file of weights: 4MB, 512KiB"),
}
_TABLES = (".csv", ".parquet")
_IMAGES, _ROWS = "convnet", "mlp"  # the default space, and what stands in for it when the data is a table


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "search",
        _run,
        about="Find, train and export the best network for a data set under limits.",
        detail="DATA: name ('archwright ls data'), folder with one directory a class, .npz, .csv or .parquet file.",
        examples=(
            "archwright search digits --out runs/first",
            "archwright search photos/ --max-params 150k --max-latency-ms 5",
            "archwright search table.csv --label species --recipe random-search --set phases.search.trials=50",
        ),
    )
    parser.add_argument("data", metavar="DATA", nargs="?", help="data set: name, folder or file")
    parser.add_argument(
        "--recipe", default="default", help="name ('archwright ls recipes') or .yaml file (default: default)"
    )
    parser.add_argument("--label", metavar="COLUMN", help="label column of a table")
    space = parser.add_mutually_exclusive_group()
    space.add_argument("--space", help="search space ('archwright ls spaces')")
    space.add_argument("--net", metavar="MODULE:FUNCTION", help="your own searchable network; imports your code")
    parser.add_argument("--strategy", help="search strategy ('archwright ls strategies')")
    parser.add_argument("--estimator", help="how candidates are judged ('archwright ls estimators')")
    parser.add_argument("--objective", action="append", metavar="METRIC", help="metric to improve; repeat for several")
    for flag, (_, metavar, text) in _LIMITS.items():
        parser.add_argument(f"--{flag.replace('_', '-')}", metavar=metavar, help=text)
    parser.add_argument("--minutes", type=float, help="time for the whole run")
    parser.add_argument("--trials", type=positive, help="candidates to judge")
    parser.add_argument("--seed", type=int, help="seed of everything random (default: 0)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY.SUB=VALUE", dest="settings", help="any other setting; repeat"
    )
    from archwright.cli._session import add_run_options

    add_run_options(parser)


def _run(args: argparse.Namespace) -> int:
    from archwright import recipes

    if args.data is None:
        names = ", ".join(recipes.registry("data").names())
        raise UserError(f"search what? Name one of {names}, or the path of a folder, .npz, .csv or .parquet file")
    if args.net:
        sys.path.insert(0, "")  # the user's own module beside them, as `python -m` would find it
    mapping = recipes.read(args.recipe, [f"net={args.net}"] if args.net else [])
    config = recipes.check(recipes.override(mapping, changes(args, mapping)), data=args.data)
    from archwright.cli._session import execute

    return execute(config, args)


def changes(args: argparse.Namespace, recipe: dict[str, Any]) -> list[str]:
    """The options as changes to the recipe; `--set` comes last and so wins.

    Args:
        args: parsed command line.
        recipe: as read; a part that is named again keeps its settings.
    """
    found = []
    space = args.space
    if space is None and args.net is None and str(args.data).endswith(_TABLES) and _names(recipe.get("space"), _IMAGES):
        space = _ROWS
    if space and not _names(recipe.get("space"), space):
        found.append(f"space={space}")
    searches = [item["search"] for item in recipe.get("phases") or [] if isinstance(item, dict) and "search" in item]
    for name in ("strategy", "estimator"):
        word = getattr(args, name)
        if word and not any(_names((search or {}).get(name), word) for search in searches):
            found.append(f"phases.search.{name}={word}")
    if args.trials is not None:
        found.append(f"phases.search.trials={args.trials}")
    for flag, (metric, _, _) in _LIMITS.items():
        if getattr(args, flag) is not None:
            found.append(f"limits.{metric}={json.dumps(getattr(args, flag))}")
    for name in ("minutes", "seed", "label"):
        if getattr(args, name) is not None:
            found.append(f"{name}={json.dumps(getattr(args, name))}")
    if args.objective:
        found.append(f"objectives={json.dumps(args.objective)}")
    return found + args.settings


def _names(part: Any, word: str) -> bool:
    """Whether a part of a recipe, `name` or `{name: settings}`, is called `word`."""
    return part == word or (isinstance(part, dict) and word in part)
