"""How often a network forgets its training examples."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor


@final
class Forgetting:
    """Counts for every example how often it was classified wrongly after it had been classified rightly (Toneva et al.
    2019), from the predictions of training itself.

    Args:
        total: examples.
    """

    def __init__(self, total: int) -> None:
        self._events = torch.zeros(total, dtype=torch.long)
        self._misses = torch.zeros(total, dtype=torch.long)  # before it was learned
        self._seen, self._learned, self._right = (torch.zeros(total, dtype=torch.bool) for _ in range(3))

    def tell(self, indices: Tensor, correct: Tensor) -> None:
        """Take in the predictions of a batch.

        Args:
            indices: of its examples, int64 (B,), each once.
            correct: bool (B,).
        """
        indices, correct = indices.cpu(), correct.cpu().bool()
        self._events[indices] += self._right[indices] & ~correct
        self._learned[indices] |= correct
        self._misses[indices] += ~self._learned[indices]
        self._right[indices], self._seen[indices] = correct, True

    @property
    def counts(self) -> Tensor:
        """Float (N,): forgetting events; infinite for examples that were never learned, -1 for unused ones."""
        counts = self._events.float().masked_fill(~self._learned, torch.inf)
        return counts.masked_fill(~self._seen, -1)

    def hardest(self, among: Tensor, count: int) -> Tensor:
        """The `count` of the examples `among` that were forgotten most often; of equal ones those that were learned
        later, then those of lower index."""
        among = among.sort().values
        by_misses = self._misses[among].argsort(descending=True, stable=True)
        order = by_misses[self.counts[among][by_misses].argsort(descending=True, stable=True)]
        return among[order[:count]]
