"""What `search` and `profile` share: data, space and limits on the command line become a checked configuration."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from archwright.errors import UserError

if TYPE_CHECKING:
    from archwright.run import Config

LIMITS = {
    "max_params": ("params", "N", "most parameters: 150k, 1.5M"),
    "max_flops": ("flops", "N", "most FLOPs of one forward pass of one row (2 x MACs): 20M"),
    "max_latency_ms": ("latency_ms", "MS", "longest forward pass of one row on this machine, in milliseconds"),
    "max_size": ("size", "SIZE", "largest file of weights: 4MB, 512KiB"),
}
DATA = "DATA: name ('archwright ls data'), folder with one directory a class, .npz, .csv or .parquet file."


def add_data(parser: argparse.ArgumentParser) -> None:
    """DATA and where to search."""
    parser.add_argument("data", metavar="DATA", nargs="?", help="data set: name, folder or file")
    parser.add_argument(
        "--recipe", default="default", help="name ('archwright ls recipes') or .yaml file (default: default)"
    )
    parser.add_argument("--label", metavar="COLUMN", help="label column of a table")
    space = parser.add_mutually_exclusive_group()
    space.add_argument("--space", help="search space ('archwright ls spaces')")
    space.add_argument("--net", metavar="MODULE:FUNCTION", help="your own searchable network; imports your code")


def add_limits(parser: argparse.ArgumentParser) -> None:
    """The limits."""
    for flag, (_, metavar, text) in LIMITS.items():
        parser.add_argument(f"--{flag.replace('_', '-')}", metavar=metavar, help=text)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The seed, and everything that has no option of its own."""
    parser.add_argument("--seed", type=int, help="seed of everything random (default: 0)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY.SUB=VALUE", dest="settings", help="any other setting; repeat"
    )


def config(args: argparse.Namespace) -> Config:
    """The checked configuration.

    Args:
        args: parsed command line with the options above; those of `search` that it lacks count as not given.

    Raises:
        UserError: no data, or whatever is wrong with the recipe and its changes.
    """
    from archwright import parts, recipes

    if args.data is None:
        names = ", ".join(parts.registry("data").names())
        raise UserError(
            f"{args.command} what? Name one of {names}, or the path of a folder, .npz, .csv or .parquet file"
        )
    if args.net:
        sys.path.insert(0, "")  # the user's own module beside them, as `python -m` would find it
    _take_recipe_of_strategy(args)
    mapping = recipes.read(args.recipe, [f"net={args.net}"] if args.net else [])
    return recipes.check(recipes.override(mapping, changes(args, mapping)), data=args.data)


def _take_recipe_of_strategy(args: argparse.Namespace) -> None:
    """A strategy that is a whole method, such as `darts`, stands for its recipe; so does one that needs trainings of
    several lengths or their curves, such as `hyperband`, where neither recipe nor estimator is named.

    Raises:
        UserError: another recipe is named beside it.
    """
    from archwright import parts, recipes

    strategy = getattr(args, "strategy", None)
    strategies = parts.registry("strategy")
    if strategy in strategies.names():
        unsaid = args.recipe == "default" and args.estimator is None
        if unsaid and strategy in recipes.names() and _trains(strategies.load(strategy)):
            args.recipe = strategy
        return
    if strategy is None or strategy not in recipes.by_gradient():
        return
    if args.recipe not in ("default", strategy):
        raise UserError(
            f"{strategy} searches by gradient, with phases of its own: say --recipe {strategy} instead of "
            f"--recipe {args.recipe} --strategy {strategy}"
        )
    args.recipe, args.strategy = strategy, None


def _trains(constructor: object) -> bool:
    """Whether a strategy needs an estimator that trains: with budgets, or with a report an epoch."""
    from archwright.search import Strategy

    if not isinstance(constructor, type) or not issubclass(constructor, Strategy):
        return False
    return constructor.budgeted or constructor.curved


def changes(args: argparse.Namespace, recipe: dict[str, Any]) -> list[str]:
    """The options as changes to the recipe; `--set` comes last and so wins.

    Args:
        args: parsed command line.
        recipe: as read; a part that is named again keeps its settings.
    """
    given = {name: value for name, value in vars(args).items() if value is not None}
    found = []
    if "space" in given and not _names(recipe.get("space"), given["space"]):
        found.append(f"space={given['space']}")
    searches = [item["search"] for item in recipe.get("phases") or [] if isinstance(item, dict) and "search" in item]
    for name in ("strategy", "estimator"):
        if name in given and not any(_names((search or {}).get(name), given[name]) for search in searches):
            found.append(f"phases.search.{name}={given[name]}")
    found += [f"phases.search.{name}={given[name]}" for name in ("trials", "workers") if name in given]
    found += [f"limits.{metric}={json.dumps(given[flag])}" for flag, (metric, _, _) in LIMITS.items() if flag in given]
    found += [f"{name}={json.dumps(given[name])}" for name in ("minutes", "seed", "label") if name in given]
    if given.get("objective"):
        found.append(f"objectives={json.dumps(given['objective'])}")
    return found + list(args.settings)


def _names(part: Any, word: str) -> bool:
    """Whether a part of a recipe, `name` or `{name: settings}`, is called `word`."""
    return part == word or (isinstance(part, dict) and word in part)
