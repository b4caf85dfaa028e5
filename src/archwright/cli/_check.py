"""`archwright check FILE`: is this recipe right?"""

from __future__ import annotations

import argparse

from archwright.cli._parser import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "check",
        _check,
        about="Check a recipe without running anything.",
        detail="Every key, name, type and limit is checked against the constructors they stand for.",
        examples=(
            "archwright check mine.yaml",
            "archwright check default --effective",
            "archwright check mine.yaml phases.search.trials=50 --json",
        ),
    )
    parser.add_argument("file", metavar="FILE", help="recipe file, or name of a shipped recipe")
    parser.add_argument("changes", metavar="KEY.SUB=VALUE", nargs="*", default=[], help="changes to the recipe")
    parser.add_argument("--effective", action="store_true", help="print the recipe with every default, as YAML")
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def _check(args: argparse.Namespace) -> int:
    from archwright import parts, recipes
    from archwright.cli._table import as_json

    mapping = recipes.read(args.file, args.changes)
    config = recipes.check(mapping, data=None if mapping.get("data") else parts.registry("data").names()[0])
    plain = parts.effective(config)
    if not mapping.get("data"):
        del plain["data"]
    if args.json:
        print(as_json(plain))
    elif args.effective:
        print(recipes.dump(plain), end="")
    else:
        data = (
            f"data {config.data}" if mapping.get("data") else "no data (name it: archwright search DATA --recipe ...)"
        )
        print(f"{args.file} is right: {data}; phases {', '.join(phase.name for phase in config.phases)}")
    return 0
