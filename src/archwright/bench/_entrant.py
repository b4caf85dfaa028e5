"""A strategy in a comparison: its name on the line and how it is made."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Mapping
from typing import Any, final

from archwright import search
from archwright.bench._judge import Judge
from archwright.errors import UserError, nearest
from archwright.registry import Registry

_LENGTHS = {"budgets", "min_budget", "max_budget"}
_GUESTS = Registry("strategy", {"smac": "archwright.bench._smac:Smac"})
"""Contestants that cannot be rebuilt from their trials, so that no study takes them."""


@final
@dataclasses.dataclass(frozen=True)
class Entrant:
    """A registered strategy with settings.

    Args:
        label: how it is called in the table: its name, or name and settings as they were given.
        name: one of `search.names()`, or `smac`.
        settings: arguments of its constructor.
    """

    label: str
    name: str
    settings: Mapping[str, Any]

    @classmethod
    def parse(cls, text: str) -> Entrant:
        """`"random"`, or with settings `"regularized-evolution:population=30:sample=10"`; values as in JSON, else text.

        Raises:
            UserError: unknown strategy, or a setting without a value.
        """
        name, *given = text.split(":")
        known = [*search.names(), *_GUESTS.names()]
        if name not in known:
            raise UserError(f"unknown strategy {name!r}{nearest(name, known)}")
        settings = {}
        for setting in given:
            key, equals, value = setting.partition("=")
            if not (key and equals):
                raise UserError(f"a setting of a strategy is written :name=value, got {setting!r} in {text!r}")
            settings[key] = _value(value)
        return cls(text, name, settings)

    def build(self, judge: Judge, seed: int) -> search.Strategy:
        """The strategy for one run; one that chooses training lengths gets those of the table, if none are given.

        Raises:
            UserError: a setting it does not have, or a problem it cannot search.
        """
        settings = dict(self.settings)
        make = (_GUESTS if self.name in _GUESTS.names() else search.STRATEGIES).load(self.name)
        taken = inspect.signature(make).parameters
        if "budgets" in taken and not _LENGTHS & settings.keys():
            settings["budgets"] = judge.budgets
        if _LENGTHS & taken.keys() and len(judge.budgets) < 2:
            raise UserError(f"{self.name} lives by short trainings, and {judge.name} has only one length")
        if "max_budget" in taken and "budgets" not in taken:
            raise UserError(f"{self.name} stops trainings by their curves, and {judge.name} has none")
        if self.name in _GUESTS.names():
            for setting in settings:
                if setting not in taken:
                    raise UserError(f"strategy {self.name!r} has no setting {setting!r}{nearest(setting, taken)}")
            found: search.Strategy = make(judge.space, objectives=(judge.objective,), seed=seed, **settings)
            return found
        return search.build(self.name, judge.space, objectives=(judge.objective,), seed=seed, **settings)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
