"""Local ascent of the acquisition function."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import final

import numpy as np

from archwright.errors import UserError
from archwright.search.candidates._candidates import Candidates, Score
from archwright.space import Arch, Real, Space

_MOST = 256  # neighbours looked at of one architecture


@final
class Local(Candidates):
    """Neighbours and mutations of the best and random ones; then steps to better neighbours from the best of these.

    Args:
        space: where to look.
        parents: best observed architectures whose neighbours are looked at.
        children: mutations of one to three variables of each.
        random: random architectures.
        climbers: candidates that the ascent starts from.
        steps: of the ascent, at most.

    Raises:
        UserError: a negative number, or nothing to start from.
    """

    def __init__(
        self,
        space: Space,
        *,
        parents: int = 5,
        children: int = 20,
        random: int = 200,
        climbers: int = 4,
        steps: int = 4,
    ) -> None:
        super().__init__(space)
        if min(parents, children, random, climbers, steps) < 0 or parents + random < 1:
            raise UserError("numbers are from 0, and at least one architecture is random or a parent")
        self.parents = parents
        self.children = children
        self.random = random
        self.climbers = climbers
        self.steps = steps
        self._continuous = any(isinstance(v, Real) for v in space.variables)

    def pool(
        self, ranked: Sequence[Arch], score: Score, taken: Container[Arch], rng: np.random.Generator
    ) -> list[Arch]:
        made = dict.fromkeys(self.space.sample(rng) for _ in range(self.random))
        for parent in ranked[: self.parents]:
            made.update(dict.fromkeys(self._around(parent, rng)))
            sizes = rng.integers(1, 4, size=self.children)
            made.update(dict.fromkeys(self.space.mutate(parent, rng, n=int(n)) for n in sizes))
        fresh = [arch for arch in made if arch not in taken]
        if not fresh:
            return []
        scores = dict(zip(fresh, score(fresh).tolist(), strict=True))
        self._climb(scores, score, taken, rng)
        return list(scores)

    def _climb(self, scores: dict[Arch, float], score: Score, taken: Container[Arch], rng: np.random.Generator) -> None:
        """Add the neighbours of the best of `scores`, which grows, until they are all known or the steps are over."""
        expanded: set[Arch] = set()
        for _ in range(self.steps):
            tops = sorted(scores, key=scores.__getitem__, reverse=True)[: self.climbers]
            around = dict.fromkeys(a for top in tops if top not in expanded for a in self._around(top, rng))
            expanded.update(tops)
            fresh = [a for a in around if a not in scores and a not in taken]
            if not fresh:
                return
            scores.update(zip(fresh, score(fresh).tolist(), strict=True))

    def _around(self, arch: Arch, rng: np.random.Generator) -> list[Arch]:
        near = self.space.neighbours(arch)
        if len(near) > _MOST:
            near = [near[i] for i in rng.permutation(len(near))[:_MOST]]
        if self._continuous:
            near += [self.space.mutate(arch, rng) for _ in range(self.children)]
        return near
