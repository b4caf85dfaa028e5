"""The declaration of a search space and everything derived from it."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError, nearest
from archwright.space._arch import Arch
from archwright.space._conditions import Conditions, When
from archwright.space._constraints import Constraint, Constraints, label
from archwright.space._counting import Counter
from archwright.space._encoding import Encoding, Kind
from archwright.space._finite import Finite
from archwright.space._graph import chain
from archwright.space._moves import Moves
from archwright.space._serialisation import dump, load
from archwright.space._values import as_tuple
from archwright.space._variable import Variable

if TYPE_CHECKING:
    import networkx as nx

Canonical = Callable[[Arch], Arch]
Graph = Callable[[Arch], "nx.DiGraph"]


@final
class Space:
    """A search space, declared once: what can be chosen, when each choice exists, and what is forbidden.

    Args:
        variables: `Choice`, `Ordinal` and `Real` with different names; their order is the order of every architecture.
        when: `{child: {parent: [values], ...}}`: the child is active only while every listed parent is active and has
            one of the values. A list of such dictionaries: while any of them holds. An empty list: never. Children may
            be declared before their parents.
        where: one function or several; each takes a mapping of the active variables and returns whether it is allowed.
            It must be pure, and use `arch.get(name, default)` for conditional variables.
        canonical: maps each architecture to the representative of all that build the same network.
        graph: maps an architecture to a `networkx.DiGraph` whose nodes have the attribute `op`.
        name: for reports.

    Raises:
        UserError: repeated name, unknown variable or option in `when`, or a cycle.

    >>> from archwright.space import Choice, Ordinal, Space
    >>> space = Space([Choice("op", ["conv", "skip"]), Ordinal("width", [16, 32])], when={"width": {"op": ["conv"]}})
    >>> space.size
    3
    >>> space.arch({"op": "skip"}).key
    'b36c5331085c5a50'
    """

    __iter__ = None  # without this, `for x in space` would ask for a variable called 0

    def __init__(
        self,
        variables: Sequence[Variable],
        *,
        when: When | None = None,
        where: Constraint | Sequence[Constraint] = (),
        canonical: Canonical | None = None,
        graph: Graph | None = None,
        name: str = "",
    ) -> None:
        self.name = name
        self._variables = _by_name(variables)
        self._conditions = Conditions(self._variables, when or {})
        self._constraints = Constraints((where,) if callable(where) else as_tuple(where, "`where`"))
        self._canonical = canonical
        self._graph = graph
        self._moves = Moves(self._variables, self._conditions, self._constraints)
        self._finite = {n: v for n, v in self._variables.items() if isinstance(v, Finite)}
        self._encodings: dict[str, Encoding] = {}

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables in the order of the space."""
        return tuple(self._variables.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the variables in the order of the space."""
        return tuple(self._variables)

    @property
    def when(self) -> dict[str, list[dict[str, list[Any]]]]:
        """The conditions, parents before children: `{child: [{parent: [values], ...}, ...]}`."""
        return self._conditions.to_json()

    @property
    def where(self) -> tuple[Constraint, ...]:
        """The constraints."""
        return self._constraints.functions

    def __getitem__(self, name: str) -> Variable:
        """The variable called `name`.

        Raises:
            UserError: there is none.
        """
        if name not in self._variables:
            raise UserError(f"this space has no variable {name!r}{nearest(str(name), self._variables)}")
        return self._variables[name]

    # membership -------------------------------------------------------------------------------------------------------

    def arch(self, values: Mapping[str, Any]) -> Arch:
        """`values` as an architecture of this space: in order, plain Python scalars, nothing missing or inactive.

        Raises:
            UserError: unknown, missing or inactive variable, a value that is not allowed, or a constraint that refuses.
        """
        arch = self._member(values)
        refusing = self._constraints.refusing(arch)
        if refusing is not None:
            raise UserError(f"constraint {label(refusing)} refuses {arch}")
        return arch

    def __contains__(self, arch: object) -> bool:
        """Whether `arch` is a mapping of exactly the active variables to allowed values that meets the constraints."""
        return isinstance(arch, Mapping) and self._fits(arch) and self._constraints.refusing(arch) is None

    def active(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of the variables that exist, given at least the values of the parents.

        Raises:
            UserError: the value of an active parent is missing.
        """
        return tuple(self._active(values))

    def _active(self, values: Mapping[str, Any]) -> list[str]:
        known: dict[str, Any] = {}
        active = set()
        for name in self._conditions.order:
            if self._conditions.hold(name, known):
                active.add(name)
                if name in self._conditions.parents:
                    if name not in values:
                        raise UserError(f"the value of {name!r} is missing; allowed: {self._variables[name].allowed}")
                    known[name] = self._variables[name].check(values[name])
        return [name for name in self._variables if name in active]

    def _fits(self, values: Mapping[str, Any]) -> bool:
        """Whether `values` are allowed and of exactly the active variables; constraints are not asked."""
        variables = self._variables
        try:
            for name, value in values.items():
                if not variables[name].has(value):
                    return False
        except (KeyError, TypeError):
            return False
        return self._conditions.agree(values)

    def _checked(self, values: Mapping[str, Any], *, drop: bool = False) -> Arch:
        """`values` in order and as the space's own scalars; inactive variables are dropped or refused."""
        if not isinstance(values, Mapping):
            raise UserError(f"an architecture is a mapping from names to values, got {values!r}")
        for name in values:
            if name not in self._variables:
                raise UserError(f"this space has no variable {name!r}{nearest(str(name), self._variables)}")
        active = self._active(values)
        for name in active:
            if name not in values:
                raise UserError(f"the value of {name!r} is missing; allowed: {self._variables[name].allowed}")
        inactive = [name for name in values if name not in active]
        if inactive and not drop:
            raise UserError(f"{inactive[0]!r} is not active here, because of `when`: {self.when[inactive[0]]}")
        return Arch._trusted({name: self._variables[name].check(values[name]) for name in active})

    def _member(self, values: Mapping[str, Any]) -> Arch:
        """Like `_checked`, at once for an architecture of this space."""
        return values if isinstance(values, Arch) and self._fits(values) else self._checked(values)

    # drawing and changing ---------------------------------------------------------------------------------------------

    def sample(self, rng: np.random.Generator) -> Arch:
        """A random architecture: each active variable uniform over its options (log-uniform for a `Real` with `log`).

        Raises:
            Infeasible: 10 000 draws were all refused by the constraints.
        """
        return self._moves.sample(rng)

    def mutate(self, arch: Mapping[str, Any], rng: np.random.Generator, n: int = 1) -> Arch:
        """`arch` with `n` of its variables changed, or all that can change if they are fewer.

        Children that become active are sampled, those that become inactive are dropped. A `Real` moves by a Gaussian
        step of 10 % of its (log) range. When 1000 tries are refused by the constraints, a random neighbour is taken.
        `arch` itself is never returned; it need not meet the constraints.

        Raises:
            UserError: `arch` is not of this space, `n < 1`, or nothing can change.
            Infeasible: no change meets the constraints.
        """
        return self._moves.mutate(self._member(arch), rng, n)

    def crossover(self, a: Mapping[str, Any], b: Mapping[str, Any], rng: np.random.Generator) -> Arch:
        """A child that takes each variable from `a` or `b` with equal chance.

        A variable that the chosen parent lacks comes from the other one, or is sampled. When 1000 children are refused
        by the constraints, the child is one of the parents.

        Raises:
            UserError: a parent is not of this space.
            Infeasible: neither a child nor a parent meets the constraints.
        """
        return self._moves.crossover(self._member(a), self._member(b), rng)

    def neighbours(self, arch: Mapping[str, Any]) -> list[Arch]:
        """Every member of the space that has one variable of `arch` set to another option.

        Children that become active take their first option, or the low end of a `Real`. Changes of a `Real` itself are
        left out.

        Raises:
            UserError: `arch` is not of this space.
        """
        return self._moves.neighbours(self._member(arch))

    # counting ---------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def size(self) -> int | float:
        """The exact number of architectures; `math.inf` with a `Real`.

        Conditions are counted part by part; constraints by trying the variables that they read.

        Raises:
            UserError: the constraints read so many variables that counting takes more than two million steps.
        """
        if any(v.count == math.inf for v in self._variables.values()):
            return math.inf
        return Counter(self._variables, self._conditions, self.where).count()

    # vectors ----------------------------------------------------------------------------------------------------------

    def encode(self, arch: Mapping[str, Any], kind: Kind = "mixed") -> NDArray[np.float64]:
        """`arch` as a vector of the same length for all architectures of the space.

        Args:
            arch: a member of the space.
            kind: `"mixed"`: a `Choice` is a one-hot block, an `Ordinal` its rank scaled to [0, 1], a `Real` its
                position on the (log) range. `"one_hot"`: as mixed, but an `Ordinal` is a block too. `"index"`: one
                number a variable, the index of the option or the value of a `Real`. Inactive: a block of zeros, or -1.

        Returns:
            Shape (d,), where d is `len(feature_names(kind))`.

        Raises:
            UserError: `arch` is not of this space, or the kind is unknown.
        """
        return self._encoding(kind).encode(self._member(arch))

    def decode(self, vector: ArrayLike, kind: Kind = "mixed") -> Arch:
        """The architecture nearest to `vector` of shape (d,): inverse of `encode` (a `Real` up to rounding).

        Blocks are read by their largest number, scalars by the nearest rank; parents decide what is active. Constraints
        are not asked.

        Raises:
            UserError: wrong shape, numbers that are not finite, or an unknown kind.
        """
        return Arch._trusted(self._encoding(kind).decode(vector))

    def feature_names(self, kind: Kind = "mixed") -> list[str]:
        """What each position of `encode` holds: `op=skip` within a block, `width` for a scalar."""
        return list(self._encoding(kind).names)

    def _encoding(self, kind: Kind) -> Encoding:
        if kind not in self._encodings:
            self._encodings[kind] = Encoding(self._variables, self._conditions, kind)
        return self._encodings[kind]

    def one_hot(self, arch: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
        """`arch` in relaxed form: for every `Choice` and `Ordinal`, active or not, weights of shape (options,).

        Active ones have weight 1 at their option, inactive ones at their first. A `Real` is left out.

        Raises:
            UserError: `arch` is not of this space.
        """
        member = self._member(arch)
        weights = {}
        for name, variable in self._finite.items():
            weights[name] = np.zeros(len(variable.options), np.float32)
            weights[name][variable.index(member[name]) if name in member else 0] = 1.0
        return weights

    # other forms ------------------------------------------------------------------------------------------------------

    def restrict(self, options: Mapping[str, Sequence[Any]]) -> Space:
        """The sub-space in which some variables have fewer values.

        Args:
            options: name to the options to keep (their order is kept), or `(low, high)` for a `Real`. A variable with
                one option left stays a variable. Values that are gone disappear from `when`, too.

        Raises:
            UserError: unknown variable, no option, or an option that the variable does not have.
        """
        changed = {name: self[name].restrict(kept) for name, kept in options.items()}
        variables = {**self._variables, **changed}
        return Space(
            tuple(variables.values()),
            when=self._conditions.restrict(variables).to_json(),
            where=self.where,
            canonical=self._canonical,
            graph=self._graph,
            name=self.name,
        )

    def canonical(self, arch: Mapping[str, Any]) -> Arch:
        """The representative of all architectures that build the same network as `arch`.

        Inactive variables in `arch` are dropped; then the space's own function, if it has one, is applied.

        Raises:
            UserError: unknown or missing variable, or a value that is not allowed.
        """
        checked = self._checked(arch, drop=True)
        if self._canonical is None:
            return checked
        found = self._canonical(checked)
        return found if isinstance(found, Arch) else Arch(found)

    def graph(self, arch: Mapping[str, Any]) -> nx.DiGraph:
        """`arch` as a directed graph whose nodes have the attribute `op`.

        Without a function of the space's own: a chain of `input`, a node `name=value` for each active variable, and
        `output`.

        Raises:
            UserError: `arch` is not of this space.
        """
        member = self._member(arch)
        return self._graph(member) if self._graph else chain(member)

    def to_json(self, indent: int | None = None) -> str:
        """The declaration as JSON; functions are written as `module:name`.

        Raises:
            UserError: a function is a lambda, a closure or otherwise not found under a name.
        """
        return json.dumps(dump(self._arguments()), indent=indent, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, functions: Mapping[str, Callable[..., Any]] | None = None) -> Space:
        """The space written by `to_json`.

        Args:
            text: a JSON object.
            functions: `"module:name"` to function, for functions outside archwright: no other module is imported.

        Raises:
            UserError: not such a text, or a function that is neither in archwright nor in `functions`.
        """
        return cls(**load(text, functions or {}))

    def _arguments(self) -> dict[str, Any]:
        return {
            "variables": self.variables,
            "when": self.when,
            "where": self.where,
            "canonical": self._canonical,
            "graph": self._graph,
            "name": self.name,
        }

    def __eq__(self, other: object) -> bool:
        return self._arguments() == other._arguments() if isinstance(other, Space) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.variables, self.name))

    def __repr__(self) -> str:
        title = f"{self.name!r}: " if self.name else ""
        counts = f"{len(self.names)} variables, {len(self.when)} conditional, {len(self.where)} constraints"
        return f"Space({title}{counts})"

    def __reduce__(self) -> tuple[Callable[..., Space], tuple[Any, ...]]:
        return functools.partial(Space, **self._arguments()), ()


def _by_name(variables: Sequence[Variable]) -> dict[str, Variable]:
    named: dict[str, Variable] = {}
    for variable in as_tuple(variables, "a space"):
        if not isinstance(variable, Variable):
            raise UserError(f"a space is made of Choice, Ordinal and Real, got {variable!r}")
        if variable.name in named:
            raise UserError(f"two variables are called {variable.name!r}; names must be different")
        named[variable.name] = variable
    return named
