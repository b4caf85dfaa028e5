"""How architectures are drawn and changed: sampling, mutation, crossover, neighbours."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from archwright.errors import Infeasible, UserError
from archwright.space._arch import Arch
from archwright.space._conditions import Conditions
from archwright.space._constraints import Constraints
from archwright.space._finite import Finite
from archwright.space._real import Real
from archwright.space._variable import Variable

_SAMPLE_TRIES = 10_000
_MOVE_TRIES = 1_000


class Moves:
    """Everything about a space that drawing and changing needs, worked out once.

    Args:
        variables: by name, in the order of the space.
        conditions: when each is active.
        constraints: what the results must meet.
    """

    __slots__ = (
        "_changeable", "_conditions", "_constraints", "_names", "_options", "_reals", "_sizes", "_variables",
    )  # fmt: skip

    def __init__(self, variables: Mapping[str, Variable], conditions: Conditions, constraints: Constraints) -> None:
        self._variables = variables
        self._conditions = conditions
        self._constraints = constraints
        self._names = tuple(variables)
        self._options: tuple[tuple[Any, ...], ...] = tuple(
            v.options if isinstance(v, Finite) else (None,) for v in variables.values()
        )
        self._sizes = np.array([len(o) for o in self._options], dtype=np.float64)
        self._reals = tuple((i, v) for i, v in enumerate(variables.values()) if isinstance(v, Real))
        self._changeable = tuple(n for n, v in variables.items() if v.count > 1)

    def sample(self, rng: np.random.Generator) -> Arch:
        if not self._constraints:
            return self._draw(rng)
        return self._constraints.sample(lambda: self._draw(rng), _SAMPLE_TRIES)

    def _draw(self, rng: np.random.Generator) -> Arch:
        u = rng.random(len(self._names))
        index = (u * self._sizes).astype(np.intp).tolist()
        values: dict[str, Any] = dict(zip(self._names, map(operator.getitem, self._options, index)))
        for i, real in self._reals:
            values[real.name] = real.at(float(u[i]))
        if self._conditions:
            self._conditions.prune(values)
        return Arch._trusted(values)

    def mutate(self, values: Mapping[str, Any], rng: np.random.Generator, n: int) -> Arch:
        """`values` (of a member, ignoring constraints) with `n` variables changed."""
        if n < 1:
            raise UserError(f"mutate: n must be at least 1, got {n}")
        names: tuple[str, ...] | list[str] = self._changeable
        if self._conditions:
            names = [name for name in names if name in values]
        if not names:
            raise UserError(f"mutate: every active variable has a single value, nothing can change in {dict(values)}")
        if not self._constraints:
            return self._changed(values, names, rng, n)
        arch, refused = self._constraints.reject(lambda: self._changed(values, names, rng, n), _MOVE_TRIES)
        if arch is not None:
            return arch
        near = self.neighbours(values)
        if not near:
            raise Infeasible(f"mutate: no change of {dict(values)} meets the constraints: {refused}")
        return near[int(rng.integers(len(near)))]

    def _changed(
        self, old: Mapping[str, Any], names: tuple[str, ...] | list[str], rng: np.random.Generator, n: int
    ) -> Arch:
        if n == 1:
            chosen = [names[int(rng.random() * len(names))]]
        else:
            chosen = [names[i] for i in rng.permutation(len(names))[:n].tolist()]
        values = dict(old)
        for name in chosen:
            values[name] = self._variables[name].other(values[name], rng)
        if not self._conditions.parents.isdisjoint(chosen):
            values = self._settled(values, rng)
        return Arch._trusted(values)

    def _settled(self, values: dict[str, Any], rng: np.random.Generator | None) -> dict[str, Any]:
        """Drop what is no longer active, and add what now is: sampled, or (without `rng`) the first value."""
        for child in self._conditions.rules:
            if not self._conditions.hold(child, values):
                values.pop(child, None)
            elif child not in values:
                values[child] = self._variables[child].at(rng.random() if rng else 0.0)
        return self._sorted(values)

    def _sorted(self, values: dict[str, Any]) -> dict[str, Any]:
        return {name: values[name] for name in self._names if name in values}

    def crossover(self, a: Mapping[str, Any], b: Mapping[str, Any], rng: np.random.Generator) -> Arch:
        """A child of `a` and `b` (members, ignoring constraints)."""
        if not self._constraints:
            return self._child(a, b, rng)
        arch, refused = self._constraints.reject(lambda: self._child(a, b, rng), _MOVE_TRIES)
        if arch is not None:
            return arch
        allowed = [p for p in (a, b) if self._constraints.refusing(p) is None]
        if not allowed:
            raise Infeasible(f"crossover: no child of {dict(a)} and {dict(b)} meets the constraints: {refused}")
        return Arch._trusted(dict(allowed[int(rng.integers(len(allowed)))]))

    def _child(self, a: Mapping[str, Any], b: Mapping[str, Any], rng: np.random.Generator) -> Arch:
        from_a = (rng.random(len(self._names)) < 0.5).tolist()
        values: dict[str, Any] = {}
        for name, first in zip(self._conditions.order, from_a):
            if not self._conditions.hold(name, values):
                continue
            one, two = (a, b) if first else (b, a)
            if name in one:
                values[name] = one[name]
            else:
                values[name] = two[name] if name in two else self._variables[name].at(rng.random())
        return Arch._trusted(self._sorted(values))

    def neighbours(self, old: Mapping[str, Any]) -> list[Arch]:
        """Every allowed architecture one decision away from `old`."""
        found = []
        for name, value in old.items():
            variable = self._variables[name]
            for option in variable.options if isinstance(variable, Finite) else ():
                if option != value:
                    found.append(Arch._trusted(self._settled({**old, name: option}, None)))
        return [arch for arch in found if self._constraints.refusing(arch) is None]
