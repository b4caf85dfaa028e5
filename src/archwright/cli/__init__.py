"""The command line: `archwright ...`, the same as `python -m archwright ...`."""

from archwright.cli._main import main

__all__ = ["main"]
