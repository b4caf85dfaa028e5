"""`archwright cp RECIPE FILE`: a shipped recipe to change."""

from __future__ import annotations

import argparse
from pathlib import Path

from archwright.cli._parser import Commands
from archwright.errors import UserError


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "cp",
        _cp,
        about="Copy a shipped recipe to a file of your own.",
        examples=("archwright cp default mine.yaml", "archwright cp spos mine.yaml --force"),
    )
    parser.add_argument("recipe", metavar="RECIPE", help="name ('archwright ls recipes')")
    parser.add_argument("file", metavar="FILE", help="file to write")
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def _cp(args: argparse.Namespace) -> int:
    from archwright import recipes

    text = recipes.path(args.recipe).read_text(encoding="utf-8")
    target = Path(args.file)
    if target.is_dir():
        target /= f"{args.recipe}.yaml"
    if target.exists() and not args.force:
        raise UserError(f"{target} exists; --force replaces it")
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}") from None
    print(f"{target}: change it, then: archwright run {target} data=DATA")
    return 0
