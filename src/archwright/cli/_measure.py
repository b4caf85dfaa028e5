"""`archwright measure`: time of a network, or of a whole space, on this machine."""

from __future__ import annotations

import argparse

from archwright.cli._parser import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "measure",
        _measure,
        about="x",
        examples=(),
    )


def _measure(args: argparse.Namespace) -> int:
    return 0
