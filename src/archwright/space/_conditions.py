"""When a variable is active: conditions on its parents, in disjunctive normal form."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping, Sequence
from typing import Any

from archwright.errors import UserError, nearest
from archwright.space._finite import Finite
from archwright.space._values import as_tuple
from archwright.space._variable import Variable

Term = tuple[tuple[str, frozenset[Any]], ...]  # all of: parent in values
Rule = tuple[Term, ...]  # any of the terms
When = Mapping[str, Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]]]

_ABSENT = object()  # equal to no option, so a condition on an inactive parent does not hold


class Conditions:
    """The rules of a space, checked and sorted so that parents come before children.

    Args:
        variables: by name, in the order of the space.
        when: as for `Space`.

    Attributes:
        rules: child to rule, parents before children.
        order: all names, parents before children.
        parents: names that occur in a rule.

    Raises:
        UserError: unknown variable or option, a continuous parent, or a cycle.
    """

    __slots__ = ("_finite", "_ordered", "_variables", "order", "parents", "rules")

    def __init__(self, variables: Mapping[str, Variable], when: When) -> None:
        if not isinstance(when, Mapping):
            raise UserError(f"`when`: expected {{child: {{parent: [values]}}}}, got {when!r}")
        self._variables = variables
        self._finite = {name: v for name, v in variables.items() if isinstance(v, Finite)}
        parsed = {child: self._rule(child, given) for child, given in when.items()}
        self.parents = frozenset(parent for rule in parsed.values() for term in rule for parent, _ in term)
        self.rules: dict[str, Rule] = {name: parsed[name] for name in self._sorted(parsed) if name in parsed}
        self.order = (*(name for name in variables if name not in self.rules), *self.rules)
        self._ordered = tuple(self.rules.items())

    def _rule(self, child: str, given: Any) -> Rule:
        if child not in self._variables:
            raise UserError(f"`when`: unknown variable {child!r}{nearest(str(child), self._variables)}")
        terms = (given,) if isinstance(given, Mapping) else as_tuple(given, f"`when` of {child!r}")
        return tuple(self._term(child, term) for term in terms)

    def _term(self, child: str, term: Any) -> Term:
        if not isinstance(term, Mapping):
            raise UserError(f"`when` of {child!r}: expected {{parent: [values]}} or a list of such, got {term!r}")
        return tuple((parent, self._values(child, parent, values)) for parent, values in term.items())

    def _values(self, child: str, parent: str, values: Any) -> frozenset[Any]:
        if parent not in self._variables:
            raise UserError(f"`when` of {child!r}: unknown variable {parent!r}{nearest(str(parent), self._variables)}")
        if parent not in self._finite:
            raise UserError(f"`when` of {child!r}: {parent!r} is continuous; a parent needs options")
        try:
            return frozenset(self._finite[parent].check(v) for v in as_tuple(values, f"values of {parent!r}"))
        except UserError as error:
            raise UserError(f"`when` of {child!r}: {error}") from None

    def _sorted(self, rules: Mapping[str, Rule]) -> tuple[str, ...]:
        """Parents before children, else in the order of the space: equal spaces draw the same random numbers."""
        position = {name: i for i, name in enumerate(self._variables)}
        graph = {}
        for child in sorted(rules, key=position.__getitem__):
            graph[child] = sorted({parent for term in rules[child] for parent, _ in term}, key=position.__getitem__)
        try:
            return tuple(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            raise UserError(f"`when` has a cycle: {' <- '.join(error.args[1])}") from None

    def __bool__(self) -> bool:
        return bool(self.rules)

    def prune(self, values: dict[str, Any]) -> None:
        """Remove the inactive variables from `values` in place."""
        for child, _ in self._ordered:
            if not self.hold(child, values):
                values.pop(child, None)

    def hold(self, child: str, values: Mapping[str, Any]) -> bool:
        """Whether `child` is active, given the values of the active parents."""
        rule = self.rules.get(child)
        if rule is None:
            return True
        for term in rule:
            for parent, allowed in term:
                if values.get(parent, _ABSENT) not in allowed:
                    break
            else:
                return True
        return False

    def agree(self, values: Mapping[str, Any]) -> bool:
        """Whether `values` (of known variables) has exactly the active ones."""
        count = len(self.order) - len(self._ordered)
        for child, _ in self._ordered:
            active = self.hold(child, values)
            if active != (child in values):
                return False
            count += active
        return len(values) == count

    def to_json(self) -> dict[str, list[dict[str, list[Any]]]]:
        """`when` as plain lists, values in the order of the parent's options."""
        return {
            child: [
                {parent: sorted(allowed, key=self._finite[parent].index) for parent, allowed in term} for term in rule
            ]
            for child, rule in self.rules.items()
        }

    def restrict(self, variables: Mapping[str, Variable]) -> Conditions:
        """The same rules over restricted variables: values that are gone are dropped, and terms that cannot hold."""
        when: dict[str, list[dict[str, list[Any]]]] = {}
        for child, terms in self.to_json().items():
            left = [{p: [v for v in values if variables[p].has(v)] for p, values in t.items()} for t in terms]
            when[child] = [term for term in left if all(term.values())]
        return Conditions(variables, when)
