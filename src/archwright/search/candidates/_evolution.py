"""Evolution on the acquisition function."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import final

import numpy as np

from archwright.errors import UserError
from archwright.search.candidates._candidates import Candidates, Score
from archwright.space import Arch, Space

_STEPS = (0.5, 0.25, 0.125, 0.075, 0.05)  # chances of 1, 2, ... mutations in a row


@final
class Evolution(Candidates):
    """A growing population: parents by their acquisition, 1 to 5 mutations in a row, several rounds.

    Kandasamy, Neiswanger, Schneider, Poczos and Xing (2018), "Neural Architecture Search with Bayesian Optimisation and
    Optimal Transport", section 4 and the reference code: a parent is drawn with probability proportional to
    exp((g - mean) / deviation) of the acquisition g. The first population is the observed architectures.

    Args:
        space: where to look.
        size: candidates made; None: 25 sqrt(observations), from 50 to 500, as the code has it.
        rounds: in which they are made; the acquisition is evaluated once a round.

    Raises:
        UserError: a number below 1.
    """

    def __init__(self, space: Space, *, size: int | None = None, rounds: int = 5) -> None:
        super().__init__(space)
        if (size is not None and size < 1) or rounds < 1:
            raise UserError(f"size and rounds must be at least 1, got {size} and {rounds}")
        self.size = size
        self.rounds = rounds

    def pool(
        self, ranked: Sequence[Arch], score: Score, taken: Container[Arch], rng: np.random.Generator
    ) -> list[Arch]:
        wanted = self.size or int(np.clip(25 * len(ranked) ** 0.5, 50, 500))
        people, worth = list(ranked), score(ranked)
        known, fresh = set(ranked), list[Arch]()
        for _ in range(self.rounds):
            chances = np.exp((worth - worth.max()) / (worth.std() or 1.0))
            number = -(-wanted // self.rounds)
            parents = rng.choice(len(people), size=number, p=chances / chances.sum())
            steps = 1 + rng.choice(len(_STEPS), size=number, p=_STEPS)
            children = dict.fromkeys(self._child(people[p], int(n), rng) for p, n in zip(parents, steps, strict=True))
            born = [arch for arch in children if arch not in known]
            if not born:
                continue
            known.update(born)
            people += born
            worth = np.concatenate([worth, score(born)])
            fresh += [arch for arch in born if arch not in taken]
        return fresh

    def _child(self, arch: Arch, steps: int, rng: np.random.Generator) -> Arch:
        for _ in range(steps):
            arch = self.space.mutate(arch, rng)
        return arch
