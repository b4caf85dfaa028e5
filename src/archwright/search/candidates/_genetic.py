"""Genetic algorithm on the acquisition function."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import final

import numpy as np

from archwright.errors import UserError
from archwright.search.candidates._candidates import Candidates, Score
from archwright.space import Arch, Space


@final
class Genetic(Candidates):
    """Generations of strings: the two best of a random half are crossed at one point, then every position may change.

    Moss, Beck, Gonzalez, Leslie and Rayson (2020), "BOSS: Bayesian Optimization over String Spaces", section 4 and the
    reference code, with its rule to stop: at least `generations`, on while the best of the last `generations` is above
    the best before, at most ten times as many.

    A child cut together from two parents that is not in the space (a conditional variable) takes each variable from one
    of them instead. The first population is random; taken architectures do not compete.

    Args:
        space: where to look; the order of its variables is the string.
        population: architectures a generation.
        tournament: part of the population that a pair of parents is drawn from.
        crossover: chance that a child has two parents.
        mutation: chance of each position to change.
        generations: at least.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        population: int = 100,
        tournament: float = 0.5,
        crossover: float = 0.8,
        mutation: float = 0.1,
        generations: int = 10,
    ) -> None:
        super().__init__(space)
        if population < 2 or generations < 1:
            raise UserError(
                f"population must be at least 2 and generations at least 1, got {population} and {generations}"
            )
        if not all(0 <= p <= 1 for p in (tournament, crossover, mutation)):
            raise UserError(f"chances must be from 0 to 1, got {tournament}, {crossover} and {mutation}")
        self.population = population
        self.tournament = tournament
        self.crossover = crossover
        self.mutation = mutation
        self.generations = generations

    def pool(
        self, ranked: Sequence[Arch], score: Score, taken: Container[Arch], rng: np.random.Generator
    ) -> list[Arch]:
        people = [self.space.sample(rng) for _ in range(self.population)]
        scores: dict[Arch, float] = {}
        tops: list[float] = []
        while self._more(tops):
            fresh = [a for a in dict.fromkeys(people) if a not in scores and a not in taken]
            if fresh:
                scores.update(zip(fresh, score(fresh).tolist(), strict=True))
            tops.append(max(scores.values(), default=-np.inf))
            worth = np.array([scores.get(a, -np.inf) for a in people])
            people = [self._child(people, worth, rng) for _ in range(self.population)]
        return sorted(scores, key=scores.__getitem__, reverse=True)[: self.population]

    def _more(self, tops: Sequence[float]) -> bool:
        done, span = len(tops), self.generations
        if done <= span:
            return True
        return done < 10 * span and max(tops[-span:]) > max(tops[:-span])

    def _child(self, people: Sequence[Arch], worth: np.ndarray, rng: np.random.Generator) -> Arch:
        drawn = rng.permutation(len(people))[: max(2, round(self.tournament * len(people)))]
        first, second = drawn[np.argsort(-worth[drawn], kind="stable")[:2]].tolist()
        child = people[first]
        if rng.random() < self.crossover:
            child = self._cut(child, people[second], rng)
        changes = int(rng.binomial(len(child), self.mutation))
        return self.space.mutate(child, rng, n=changes) if changes else child

    def _cut(self, one: Arch, two: Arch, rng: np.random.Generator) -> Arch:
        names = self.space.names
        at = int(rng.integers(1, max(len(names), 2)))
        values = {name: one[name] for name in names[:at] if name in one}
        values |= {name: two[name] for name in names[at:] if name in two}
        return Arch(values) if values in self.space else self.space.crossover(one, two, rng)
