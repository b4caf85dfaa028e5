"""How the architectures of a space grow from level to level."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.search.policy._grammar import Grammar
from archwright.space import Arch, Choice, Ordinal, Real, Space

_NEUTRAL = ("identity", "skip_connect", "skip", None, False, "none", "zero")
_PARTS = 5  # values of a `Real`


class Growth:
    """Levels of a space: what an architecture of one level becomes by one more decision.

    With a depth variable, level k has its k-th option, and an extension decides the variables that this brings. Without
    one, the variables fall into groups in the order of the space; at level k the groups after the k-th are neutral: a
    `Choice` is the identity (`identity`, `skip_connect`, `skip`), else nothing (None, False, `none`, `zero`), else its
    first option; an `Ordinal` has its smallest option, a `Real` its low end. A `Real` takes five values.

    Args:
        space: whose architectures grow.
        depth: name of the depth variable, an unconditional `Ordinal`; None: the only such variable that others depend
            on, if there is just one.
        groups: of the variables, at least 1, where there is no depth variable.

    Raises:
        UserError: unknown or unsuitable depth variable, or no groups.
    """

    def __init__(self, space: Space, *, depth: str | None, groups: int) -> None:
        if groups < 1:
            raise UserError(f"levels must be at least 1, got {groups}")
        self.space = space
        self._grammar = Grammar(space, _PARTS)
        self._names = self._grammar.names
        self.depth = self._depth() if depth is None else depth
        if self.depth is not None:
            variable = space[self.depth]
            if not isinstance(variable, Ordinal) or self.depth in space.when:
                raise UserError(f"depth must name an unconditional Ordinal, got {depth!r}")
            self.levels = len(variable.options)
            self._group = self._first_levels(variable)
        else:
            count = len(self._names)
            self.levels = min(groups, count)
            self._group = {name: i * self.levels // count for i, name in enumerate(self._names)}
        self._options = {name: self._values(name) for name in self._names}
        self._slots, self._vocabulary = self._lexicon()

    def _depth(self) -> str | None:
        when = self.space.when
        parents = {parent for terms in when.values() for term in terms for parent in term}
        found = [v.name for v in self.space.variables if v.name in parents and isinstance(v, Ordinal)]
        return found[0] if len(found) == 1 and found[0] not in when else None

    def _first_levels(self, depth: Ordinal) -> dict[str, int]:
        """The lowest level at which each variable can be active."""
        first: dict[str, int] = {}
        for name in self._names:
            terms = [
                max(
                    (min(map(depth.index, v)) if p == depth.name else first[p] for p, v in term.items()),
                    default=0,
                )
                for term in self.space.when.get(name, [{}])
            ]
            first[name] = min(terms, default=0)
        return first

    def _values(self, name: str) -> tuple[Any, ...]:
        variable = self.space[name]
        if isinstance(variable, Real):
            parts = 1 if variable.count == 1 else _PARTS
            return tuple(variable.at((i + 0.5) / parts) for i in range(parts))
        return tuple(variable.options)  # type: ignore[attr-defined]

    def _neutral(self, name: str) -> Any:
        variable = self.space[name]
        if isinstance(variable, Real):
            return variable.low
        options = self._options[name]
        return next((o for o in _NEUTRAL if o in options and isinstance(variable, Choice)), options[0])

    def level(self, arch: Mapping[str, Any]) -> int:
        """The level of an architecture, from 0."""
        if self.depth is not None:
            return self._options[self.depth].index(arch[self.depth])
        return max((self._group[name] for name, value in arch.items() if value != self._neutral(name)), default=0)

    def _choices(self, name: str, parent: Mapping[str, Any], level: int) -> tuple[Any, ...]:
        """The values that a variable may have in an extension of `parent`."""
        if name == self.depth:
            return (self._options[name][level],)
        if self._group[name] > level:
            return (self._neutral(name),)
        if name in parent and (self.depth is not None or self._group[name] < level):
            return (parent[name],)
        return self._options[name]

    def extensions(self, parent: Mapping[str, Any], level: int) -> Iterator[Arch]:
        """All members of a level that extend `parent` of the level before (empty for the first), in order."""
        choices = [self._choices(name, parent, level) for name in self._names]

        def fill(column: int, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
            if column == len(self._names):
                yield values
            elif not self._grammar.active(self._names[column], values):
                yield from fill(column + 1, values)
            else:
                for value in choices[column]:
                    yield from fill(column + 1, {**values, self._names[column]: value})

        yield from filter(None, map(self._member, fill(0, {})))

    def count(self, parent: Mapping[str, Any], level: int) -> int:
        """At most so many extensions has `parent`: what conditions and constraints leave out is counted, too."""
        return math.prod(len(self._choices(name, parent, level)) for name in self._names)

    def _drawn(self, parent: Mapping[str, Any], level: int, rng: np.random.Generator) -> Arch | None:
        values: dict[str, Any] = {}
        for name in self._names:
            if self._grammar.active(name, values):
                choices = self._choices(name, parent, level)
                values[name] = choices[int(rng.random() * len(choices))]
        return self._member(values)

    def _member(self, values: Mapping[str, Any]) -> Arch | None:
        arch = Arch({name: values[name] for name in self.space.names if name in values})
        return arch if arch in self.space else None

    def grown(
        self, parents: Sequence[Mapping[str, Any]], level: int, limit: int | None, rng: np.random.Generator
    ) -> list[Arch]:
        """Extensions of all parents, one of each set that `Space.canonical` says build the same network.

        Args:
            parents: of the level before.
            level: of the extensions.
            limit: a random part of about so many, if there are more; None: all.
            rng: draws them.
        """
        sizes = [self.count(parent, level) for parent in parents]
        if limit is None or sum(sizes) <= 4 * limit:
            found = (arch for parent in parents for arch in self.extensions(parent, level))
        else:
            shares = np.array([float(size) for size in sizes]) / float(sum(sizes))
            drawn = (parents[i] for i in rng.choice(len(parents), size=2 * limit, p=shares))
            found = (a for a in (self._drawn(parent, level, rng) for parent in drawn) if a is not None)
        different: dict[Arch, Arch] = {}
        for arch in found:
            different.setdefault(self.space.canonical(arch), arch)
        archs = list(different.values())
        if limit is not None and len(archs) > limit:
            archs = [archs[i] for i in sorted(rng.permutation(len(archs))[:limit].tolist())]
        return archs

    # for the surrogate ------------------------------------------------------------------------------------------------

    def _lexicon(self) -> tuple[dict[str, tuple[int, int]], dict[tuple[str, Any], int]]:
        """Block and slot of each variable, and the word of each value.

        With a depth variable, names that differ in digits only share their words, and the slots of all blocks agree.
        """
        slots: dict[tuple[str, int], int] = {}
        words: dict[tuple[str, Any], int] = {}
        places, seen = {}, dict[tuple[int, str], int]()
        for name in self._names:
            if name == self.depth:
                continue
            block, stem = (self._group[name], self._stem(name)) if self.depth is not None else (0, name)
            seen[block, stem] = seen.get((block, stem), -1) + 1
            places[name] = block, slots.setdefault((stem, seen[block, stem]), len(slots))
            for token in range(len(self._options[name])):
                words.setdefault((stem, self._word(name, token)), len(words) + 1)
        return places, words

    def _stem(self, name: str) -> str:
        return re.sub(r"\d+", "", name) if self.depth is not None else name

    def _word(self, name: str, token: int) -> Any:
        return token if isinstance(self.space[name], Real) else (repr(self._options[name][token]))

    @property
    def words(self) -> int:
        """Size of the vocabulary, with the word 0 for what is absent."""
        return len(self._vocabulary) + 1

    @property
    def slots(self) -> int:
        """Variables that a block can have."""
        return max((slot for _, slot in self._slots.values()), default=0) + 1

    def tokens(self, archs: Sequence[Arch]) -> NDArray[np.int64]:
        """Words of shape (len(archs), blocks, slots), 0 where there is none."""
        blocks = max((block for block, _ in self._slots.values()), default=0) + 1
        table = np.zeros((len(archs), blocks, self.slots), dtype=np.int64)
        for row, arch in enumerate(archs):
            for name, token in zip(self._names, self._grammar.tokens(arch)):
                if token >= 0 and name != self.depth:
                    block, slot = self._slots[name]
                    table[row, block, slot] = self._vocabulary[self._stem(name), self._word(name, token)]
        return table
