"""The exact number of architectures of a space.

A variable is *open* until it has a value or is known to be inactive. `Rules` maps each open variable to its rule, as
simplified by what is already decided: a rule with an empty term always holds, a rule without terms never does.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archwright.errors import UserError
from archwright.space._arch import Arch
from archwright.space._conditions import Conditions, Rule
from archwright.space._constraints import Constraint, holds
from archwright.space._finite import Finite
from archwright.space._partial import Partial, Rules, Unknown
from archwright.space._variable import Variable

_ACTIVE: Rule = ((),)
_NEVER: Rule = ()
_INACTIVE = object()  # equal to no option
_LIMIT = 2_000_000  # steps after which counting gives up


class Counter:
    """Counts by branching on the variables that conditions and constraints need, and multiplies independent parts.

    Args:
        variables: by name, each with a finite number of values.
        conditions: when each is active.
        constraints: functions of the active variables.
        limit: steps (evaluations of a constraint, branchings on a condition) after which counting gives up.
    """

    def __init__(
        self,
        variables: Mapping[str, Variable],
        conditions: Conditions,
        constraints: Sequence[Constraint],
        limit: int = _LIMIT,
    ) -> None:
        self._names = tuple(variables)
        self._values = {n: v.options if isinstance(v, Finite) else (v.at(0.0),) for n, v in variables.items()}
        self._constraints = constraints
        self._limit = limit
        self._steps = 0
        self._known: dict[frozenset[tuple[str, Rule]], int] = {}
        self._children: dict[str, list[str]] = collections.defaultdict(list)
        for child, rule in conditions.rules.items():
            for parent in dict.fromkeys(parent for term in rule for parent, _ in term):
                self._children[parent].append(child)
        rules = {n: conditions.rules.get(n, _ACTIVE) for n in variables}
        self._start = {n: _ACTIVE if () in rule else rule for n, rule in rules.items()}

    def count(self) -> int:
        """Number of architectures.

        Raises:
            UserError: more than `limit` steps would be needed.
        """
        rules = self._start
        for name in [n for n, rule in rules.items() if rule == _NEVER]:
            rules = self._decide(rules, name, _INACTIVE)
        reads = [(self._reads(c, rules, {}, set()), c) for c in self._constraints]
        if not all(holds(c, Partial(self._names, rules, {})) for names, c in reads if not names):
            return 0
        total = 1
        for part in self._parts(rules, [names for names, _ in reads]):
            total *= self._constrained(part, {}, [c for names, c in reads if not names.isdisjoint(part)])
        return total

    def _step(self) -> None:
        self._steps += 1
        if self._steps > self._limit:
            raise UserError(f"the size of this space is not known: counting takes more than {self._limit} steps")

    def _decide(self, rules: Rules, name: str, value: Any) -> Rules:
        """The rules that are left when `name` has got `value`; variables that become inactive are removed."""
        left = dict(rules)
        decided = [(name, value)]
        for parent, chosen in decided:
            del left[parent]
            for child in self._children[parent]:
                if child in left and left[child] != _ACTIVE:
                    left[child] = _simplified(left[child], parent, chosen)
                    if left[child] == _NEVER:
                        decided.append((child, _INACTIVE))
                        left[child] = _ACTIVE
        return left

    def _parts(self, rules: Rules, together: Sequence[set[str]] = ()) -> list[Rules]:
        """The rules split into parts that share neither a condition nor a set of `together`."""
        linked: dict[str, list[str]] = {name: [] for name in rules}
        pairs = [(p, c) for p in rules for c in self._children.get(p, ()) if rules.get(c, _ACTIVE) != _ACTIVE]
        pairs += [(min(names), name) for names in together if names for name in names]
        for a, b in pairs:
            linked[a].append(b)
            linked[b].append(a)
        parts = []
        while linked:
            found = [next(iter(linked))]
            for name in found:
                found += [other for other in linked.pop(name, ()) if other in linked]
            parts.append({name: rules[name] for name in dict.fromkeys(found)})
        return parts

    def _free(self, rules: Rules) -> int:
        """Number of ways to decide the open variables, without constraints."""
        if all(rule == _ACTIVE for rule in rules.values()):
            return math.prod(len(self._values[name]) for name in rules)
        return math.prod(self._free_part(part) for part in self._parts(rules))

    def _free_part(self, rules: Rules) -> int:
        if len(rules) == 1:
            return len(self._values[next(iter(rules))])
        state = frozenset(rules.items())
        if state not in self._known:
            self._step()
            roots = [name for name, rule in rules.items() if rule == _ACTIVE]
            root = max(roots, key=lambda name: len(self._open_children(rules, name)))
            ways = self._alike(rules, root)
            self._known[state] = sum(n * self._free(self._decide(rules, root, value)) for value, n in ways)
        return self._known[state]

    def _open_children(self, rules: Rules, name: str) -> list[str]:
        return [child for child in self._children[name] if rules.get(child, _ACTIVE) != _ACTIVE]

    def _alike(self, rules: Rules, name: str) -> list[tuple[Any, int]]:
        """One value of `name` for each way it can affect its children, with the number of values that do the same."""
        terms = [term for child in self._open_children(rules, name) for term in rules[child]]
        tests = [allowed for term in terms for parent, allowed in term if parent == name]
        classes: dict[tuple[bool, ...], list[Any]] = collections.defaultdict(list)
        for value in self._values[name]:
            classes[tuple(value in allowed for allowed in tests)].append(value)
        return [(values[0], len(values)) for values in classes.values()]

    def _ask(self, function: Constraint, rules: Rules, values: dict[str, Any]) -> bool | str:
        """The verdict on a partial architecture, or the name of the variable to decide before there can be one."""
        self._step()
        if not rules:
            return holds(function, Arch._trusted({name: values[name] for name in self._names if name in values}))
        partial = Partial(self._names, rules, values)
        try:
            verdict = holds(function, partial)
        except Unknown:
            verdict = False
        if partial.asked is None:
            return verdict
        name = partial.asked
        while rules[name] != _ACTIVE:
            name = rules[name][0][0][0]
        return name

    def _branches(self, name: str, rules: Rules, values: dict[str, Any]) -> Iterator[tuple[Rules, dict[str, Any]]]:
        for value in self._values[name]:
            yield self._decide(rules, name, value), {**values, name: value}

    def _reads(self, function: Constraint, rules: Rules, values: dict[str, Any], found: set[str]) -> set[str]:
        """`found` and every variable that `function` may read, with those that decide whether they are active."""
        answer = self._ask(function, rules, values)
        if isinstance(answer, str):
            found.add(answer)
            for branch in self._branches(answer, rules, values):
                if len(found) == len(self._start):
                    break
                self._reads(function, *branch, found)
        return found

    def _constrained(self, rules: Rules, values: dict[str, Any], constraints: Sequence[Constraint]) -> int:
        """Number of ways to decide the open variables so that the constraints hold."""
        undecided, question = [], ""
        for function in constraints:
            answer = self._ask(function, rules, values)
            if answer is False:
                return 0
            if isinstance(answer, str):
                undecided.append(function)
                question = question or answer
        if not undecided:
            return self._free(rules)
        return sum(self._constrained(*branch, undecided) for branch in self._branches(question, rules, values))


def _simplified(rule: Rule, parent: str, value: Any) -> Rule:
    """`rule` when `parent` has got `value`."""
    terms = []
    for term in rule:
        if all(name != parent or value in allowed for name, allowed in term):
            rest = tuple(literal for literal in term if literal[0] != parent)
            if not rest:
                return _ACTIVE
            terms.append(rest)
    return tuple(terms)
