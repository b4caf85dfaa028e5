"""Errors a user can act on, each with the exit code of the command line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ArchwrightError(Exception):
    """Something went wrong that one line can explain. Exit code 1."""

    exit_code = 1


class UserError(ArchwrightError, ValueError):
    """The input cannot be used: the message names the rule, the value and what is allowed. Exit code 2."""

    exit_code = 2


class Infeasible(ArchwrightError):  # noqa: N818  # an outcome, not a mistake
    """No network meets the limits: the message names the nearest and by how much it misses. Exit code 3."""

    exit_code = 3


def nearest(word: str, allowed: Iterable[str]) -> str:
    """`"; did you mean 'digits'? Allowed: cifar10, digits"`: the end of a message about an unknown word."""
    names = sorted(allowed)
    close = difflib.get_close_matches(word, names, n=2, cutoff=0.5)
    hint = f"; did you mean {' or '.join(repr(c) for c in close)}?" if close else "."
    return f"{hint} Allowed: {', '.join(names) if names else 'nothing'}"
