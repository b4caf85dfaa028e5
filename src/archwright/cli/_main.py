"""Parse, dispatch, and turn errors into exit codes."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

import archwright
from archwright.cli._parser import Commands, Parser
from archwright.errors import ArchwrightError

COMMANDS = (
    "search", "run", "check", "profile", "ls", "cp", "report", "compare", "export", "quantize", "prune", "predict",
    "measure", "deploy-check", "score", "bench", "doctor",
)  # fmt: skip
INTERRUPTED = 130

_EXAMPLES = """examples:
  archwright search digits --out runs/first     search, train and export a network for a bundled data set
  archwright search photos/ --max-params 150k   the same for a folder with one directory a class, under a limit
  archwright predict runs/first photo.png       use the result

exit codes: 0 done, 1 a run failed, 2 wrong input, 3 no network meets the limits, 130 interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: words after the program's name; default: those of this process.

    Returns:
        Exit code: 0 done, 1 a run failed, 2 the user's input, 3 no network meets the limits, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except KeyboardInterrupt as stop:
        how = f"continue with: {stop}" if stop.args else "run the same command again to continue"
        print(f"\narchwright: interrupted; {how}", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as done:  # --help and --version
        return done.code if isinstance(done.code, int) else 0
    except BrokenPipeError:  # `archwright ls | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _report(error, debug="--debug" in words)


def parser() -> Parser:
    """The whole command line as one parser."""
    found = Parser(
        prog="archwright", description="From a data set and a budget to a trained, exported network.", epilog=_EXAMPLES
    )
    found.add_argument("--version", action="version", version=f"archwright {archwright.__version__}")
    found.add_argument("--debug", action="store_true", help="show the traceback of an error")
    found.set_defaults(parser=found)
    commands = Commands(found)
    for name in COMMANDS:
        importlib.import_module(f"archwright.cli._{name.replace('-', '_')}").add(commands)
    return found


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command line as values: `run` is what to call, `parser` the command's own parser.

    Raises:
        UserError: words nothing understands, with the close ones.
    """
    args, unknown = parser().parse_known_args(words)
    args.words = list(words)
    _adopt(args, unknown)
    if unknown:
        args.parser.refuse(unknown)
    return args


def _dispatch(words: Sequence[str]) -> int:
    args = parse(words)
    if args.command is None:
        args.parser.print_help()
        return 0
    from archwright.cli._warnings import show_warnings

    show_warnings()
    code = args.run(args)
    assert isinstance(code, int)
    return code


def _adopt(args: argparse.Namespace, unknown: list[str]) -> None:
    """argparse leaves `key=value` words alone that follow an option; they belong to the command's changes."""
    if "changes" in args:
        args.changes += [word for word in unknown if not word.startswith("-")]
        unknown[:] = [word for word in unknown if word.startswith("-")]


def _report(error: Exception, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    known = isinstance(error, ArchwrightError)
    text = " ".join(str(error).split()) if known else f"{type(error).__name__}: {' '.join(str(error).split())}"
    hint = "" if known or debug else " (--debug shows where)"
    print(f"archwright: error: {text}{hint}", file=sys.stderr)
    return error.exit_code if isinstance(error, ArchwrightError) else 1
