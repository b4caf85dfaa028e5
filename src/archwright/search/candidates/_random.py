"""Random candidates."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import final

import numpy as np

from archwright.errors import UserError
from archwright.search.candidates._candidates import Candidates, Score
from archwright.space import Arch, Space


@final
class Uniform(Candidates):
    """Random architectures, as `Space.sample` draws them.

    Args:
        space: where to look.
        size: draws.

    Raises:
        UserError: `size` below 1.
    """

    def __init__(self, space: Space, *, size: int = 1000) -> None:
        super().__init__(space)
        if size < 1:
            raise UserError(f"size must be at least 1, got {size}")
        self.size = size

    def pool(
        self, ranked: Sequence[Arch], score: Score, taken: Container[Arch], rng: np.random.Generator
    ) -> list[Arch]:
        drawn = dict.fromkeys(self.space.sample(rng) for _ in range(self.size))
        return [arch for arch in drawn if arch not in taken]
