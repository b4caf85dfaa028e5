"""Random small spaces for property tests, with an independent and slow way to list their architectures."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from archwright.space import Arch, Choice, Finite, Ordinal, Real, Space, Variable

Rules = dict[str, list[dict[str, list[Any]]]]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text()
).filter(lambda v: v not in (float("inf"), float("-inf")))
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@dataclasses.dataclass(frozen=True)
class Case:
    """The arguments of a space next to the space."""

    variables: tuple[Variable, ...]
    when: Rules
    where: tuple[Callable[[Mapping[str, Any]], bool], ...]

    @property
    def space(self) -> Space:
        return Space(self.variables, when=self.when, where=self.where)

    def is_active(self, name: str, values: Mapping[str, Any]) -> bool:
        """Activity straight from the definition, by recursion to the parents."""
        if name not in self.when:
            return True
        return any(all(self.is_active(p, values) and values[p] in o for p, o in t.items()) for t in self.when[name])

    def all(self) -> set[Arch]:
        """Every architecture of a finite space, from all assignments."""
        names = [v.name for v in self.variables]
        found = set()
        for options in itertools.product(*(v.options for v in self.variables)):  # type: ignore[attr-defined]
            values = dict(zip(names, options))
            arch = Arch({n: v for n, v in values.items() if self.is_active(n, values)})
            if all(allowed(arch) for allowed in self.where):
                found.add(arch)
        return found


@st.composite
def variables(draw: st.DrawFn, name: str, reals: bool) -> Variable:
    kind = draw(st.sampled_from(["choice", "ordinal", "real"] if reals else ["choice", "ordinal"]))
    if kind == "real":
        low = draw(st.floats(1e-3, 1))
        return Real(name, low, low + draw(st.floats(0, 10)), log=draw(st.booleans()))
    if kind == "ordinal":
        return Ordinal(name, sorted(draw(st.sets(st.integers(-4, 40), min_size=1, max_size=4))))
    pool = ["conv", "skip", None, True, 7, 2.5, "none"]
    return Choice(name, draw(st.lists(st.sampled_from(pool), min_size=1, max_size=4, unique=True)))


@st.composite
def cases(draw: st.DrawFn, reals: bool = False, constraints: bool = True) -> Case:
    """Up to six variables, conditions in any direction without a cycle, up to two constraints."""
    count = draw(st.integers(1, 6))
    made = [draw(variables(f"v{i}", reals)) for i in range(count)]
    order = draw(st.permutations(made))
    when: Rules = {}
    for i, child in enumerate(order):
        parents = [v for v in order[:i] if isinstance(v, Finite)]
        if parents and draw(st.booleans()):
            when[child.name] = draw(st.lists(terms(parents), min_size=1, max_size=2))
    functions = draw(st.lists(rules(count), max_size=2)) if constraints else []
    return Case(tuple(made), when, tuple(functions))


@st.composite
def terms(draw: st.DrawFn, parents: list[Finite]) -> dict[str, list[Any]]:
    chosen = draw(st.lists(st.sampled_from(parents), min_size=1, max_size=2, unique_by=lambda v: v.name))
    return {v.name: draw(st.lists(st.sampled_from(v.options), min_size=1, unique=True)) for v in chosen}


@st.composite
def rules(draw: st.DrawFn, count: int) -> Callable[[Mapping[str, Any]], bool]:
    """A constraint on two variables, or on the number of active ones."""
    a, b = (f"v{draw(st.integers(0, count - 1))}" for _ in range(2))
    kind = draw(st.sampled_from(["pair", "lazy", "count"]))
    if kind == "pair":
        return lambda arch: (len(str(arch.get(a))) + len(str(arch.get(b)))) % 3 != 0
    if kind == "lazy":
        return lambda arch: a not in arch or len(str(arch[a])) % 2 == 0 or len(str(arch.get(b, ""))) < 3
    return lambda arch: len(arch) != 2
