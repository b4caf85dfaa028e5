"""Rules that whole architectures must meet, and rejection with a bounded number of tries."""

from __future__ import annotations

import collections
import types
from collections.abc import Callable, Mapping
from typing import Any

from archwright.errors import Infeasible, UserError
from archwright.space._arch import Arch

Constraint = Callable[[Mapping[str, Any]], bool]


class Constraints:
    """The `where` of a space.

    Args:
        functions: each takes the active variables of an architecture and answers whether it is allowed.

    Raises:
        UserError: something that cannot be called.
    """

    __slots__ = ("functions",)

    def __init__(self, functions: tuple[Constraint, ...]) -> None:
        for function in functions:
            if not callable(function):
                raise UserError(f"`where`: {function!r} is not a function of an architecture")
        self.functions = functions

    def __bool__(self) -> bool:
        return bool(self.functions)

    def refusing(self, arch: Mapping[str, Any]) -> Constraint | None:
        """The first constraint that `arch` does not meet."""
        for function in self.functions:
            if not holds(function, arch):
                return function
        return None

    def reject(self, propose: Callable[[], Arch], tries: int) -> tuple[Arch | None, str]:
        """The first proposal that meets every constraint, or None; and a sentence about the refusals.

        Args:
            propose: draws one architecture.
            tries: at most this many proposals.
        """
        refusals: collections.Counter[str] = collections.Counter()
        for _ in range(tries):
            arch = propose()
            refusing = self.refusing(arch)
            if refusing is None:
                return arch, ""
            refusals[label(refusing)] += 1
        by = ", ".join(f"{name} ({count})" for name, count in refusals.most_common(3))
        return None, f"all of {tries} tries were refused, by {by}"

    def sample(self, propose: Callable[[], Arch], tries: int) -> Arch:
        """Like `reject`, for proposals that nothing can replace.

        Raises:
            Infeasible: every proposal was refused.
        """
        arch, refused = self.reject(propose, tries)
        if arch is None:
            raise Infeasible(f"no architecture meets the constraints: {refused}; restrict the space or loosen them")
        return arch


def holds(function: Constraint, arch: Mapping[str, Any]) -> bool:
    """The verdict of one constraint.

    Raises:
        UserError: it reads a variable that is not there.
    """
    try:
        return bool(function(arch))
    except KeyError as error:
        raise UserError(
            f"constraint {label(function)} reads {error}, which is not an active variable of {dict(arch)}; "
            "use arch.get(name, default) for conditional variables"
        ) from error


def label(function: Callable[..., Any]) -> str:
    """How a message names a function: `thin`, `lambda at spaces.py:12`, or its repr."""
    if not isinstance(function, types.FunctionType):
        return repr(function)
    if function.__name__ == "<lambda>":
        file = function.__code__.co_filename.rpartition("/")[2]
        return f"lambda at {file}:{function.__code__.co_firstlineno}"
    return function.__qualname__
