"""Seeds of the estimator, one a trial."""

from __future__ import annotations

from typing import final

import numpy as np

_BLOCK = 1024
_PURPOSE = 1  # strategies use 0


@final
class Seeds:
    """The seed of trial k follows from the seed of the study and k alone, through `numpy.random.SeedSequence`.

    Args:
        seed: of the study, a non-negative integer.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._blocks: dict[int, list[int]] = {}

    def __getitem__(self, number: int) -> int:
        """Seed of trial `number`, in [0, 2^32)."""
        block, position = divmod(number, _BLOCK)
        if block not in self._blocks:
            sequence = np.random.SeedSequence(self._seed, spawn_key=(_PURPOSE, block))
            self._blocks[block] = sequence.generate_state(_BLOCK).tolist()
        return self._blocks[block][position]
