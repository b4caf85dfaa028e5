"""argparse with our manners: one-line errors, near names, examples under every help page."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from archwright.errors import UserError, nearest

Run = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `UserError` instead of printing its usage."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong."""
        raise UserError(f"{message}; see '{self.prog} --help'")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            what = action.metavar if isinstance(action.metavar, str) else "/".join(action.option_strings) or action.dest
            raise UserError(f"unknown {what.lower()} {value!r}{nearest(str(value), map(str, action.choices))}")

    def flags(self) -> list[str]:
        """Every long option."""
        return sorted(option for action in self._actions for option in action.option_strings if option[:2] == "--")

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Raise an error about words nothing understood."""
        word = words[0].partition("=")[0]
        if word.startswith("-"):
            raise UserError(f"{self.prog}: unknown option {word!r}{nearest(word, self.flags())}")
        raise UserError(f"{self.prog}: unexpected argument {word!r}; see '{self.prog} --help'")


def positive(text: str) -> int:
    """A count from the command line.

    Raises:
        ArgumentTypeError: not a whole number of at least 1.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


class Commands:
    """The table of commands that each command's file adds itself to.

    Args:
        parser: of the whole command line, or of a command that has commands of its own.
        within: name of that command.
    """

    def __init__(self, parser: Parser, within: str = "") -> None:
        self._parsers = parser.add_subparsers(
            dest=f"{within}_command" if within else "command",
            metavar="COMMAND",
            parser_class=Parser,
            title="commands",
            help=f"'archwright {within} COMMAND --help' says more" if within else None,
        )

    def add(self, name: str, run: Run, *, about: str, detail: str = "", examples: Iterable[str]) -> Parser:
        """A new command.

        Args:
            name: verb.
            run: called with the parsed arguments; returns the exit code.
            about: one line for the list of commands.
            detail: more lines for the command's own help page.
            examples: two or three complete command lines.
        """
        lines = "\n".join(f"  {example}" for example in examples)
        parser: Parser = self._parsers.add_parser(
            name, help=about, description=f"{about}\n\n{detail}".strip(), epilog=f"examples:\n{lines}"
        )
        parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
        parser.set_defaults(run=run, parser=parser)
        return parser
