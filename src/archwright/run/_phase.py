"""The abstract phase."""

from __future__ import annotations

from abc import ABC, abstractmethod

from archwright.run._state import State


class Phase(ABC):
    """A step of a run, and a place where it can stop and continue.

    Calling a phase again in the same folder takes up what it had finished and ends with the same state.
    """

    @abstractmethod
    def __call__(self, state: State) -> None:
        """Do the work and add the outcome to `state`."""
