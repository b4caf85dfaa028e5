"""The abstract phase."""

from __future__ import annotations

from abc import ABC, abstractmethod

from archwright.errors import UserError
from archwright.run._state import State


class Phase(ABC):
    """A step of a run, and a place where it can stop and continue.

    Calling a phase again in the same folder takes up what it had finished and ends with the same state.
    """

    def _require(self, name: str, rule: str, holds: bool) -> None:
        """Refuse a setting.

        Raises:
            UserError: `holds` is false.
        """
        if not holds:
            raise UserError(f"{name} must be {rule}, got {getattr(self, name)!r}")

    def check(self, state: State) -> None:  # noqa: B027  most have nothing to say
        """Refuse, before any phase begins, what can be known to fail.

        Raises:
            UserError: settings that do not go together.
        """

    @abstractmethod
    def __call__(self, state: State) -> None:
        """Do the work and add the outcome to `state`."""
