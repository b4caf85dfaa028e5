"""Mutations of the best."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import final

import numpy as np

from archwright.errors import UserError
from archwright.search.candidates._candidates import Candidates, Score
from archwright.space import Arch, Space


@final
class Mutations(Candidates):
    """Mutations of the best observed architectures, in a random order, cut to a number.

    Nguyen, Le, Yamada and Osborne (2021), "Optimal Transport Kernels for Sequential and Parallel Neural Architecture
    Search", as the reference code has it: each of the 10 best 30 times, every variable with probability one over their
    number (at least one changes), the first 100 that differ.

    Args:
        space: where to look.
        parents: best observed architectures that are mutated.
        children: mutations of each.
        size: candidates that are kept.

    Raises:
        UserError: a number below 1.
    """

    def __init__(self, space: Space, *, parents: int = 10, children: int = 30, size: int = 100) -> None:
        super().__init__(space)
        if min(parents, children, size) < 1:
            raise UserError(f"parents, children and size must be at least 1, got {parents}, {children} and {size}")
        self.parents = parents
        self.children = children
        self.size = size

    def pool(
        self, ranked: Sequence[Arch], score: Score, taken: Container[Arch], rng: np.random.Generator
    ) -> list[Arch]:
        made: dict[Arch, None] = {}
        for parent in ranked[: self.parents]:
            variables = max(len(parent), 1)
            changes = np.maximum(rng.binomial(variables, 1 / variables, self.children), 1)
            made.update(dict.fromkeys(self.space.mutate(parent, rng, n=int(n)) for n in changes))
        fresh = [arch for arch in made if arch not in taken]
        return [fresh[i] for i in rng.permutation(len(fresh))[: self.size]]
