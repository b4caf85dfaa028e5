"""The sub-sequences of short strings, one by one: a string kernel as a product of matrices."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

String = tuple[int, ...]

_MOST = 256  # sub-sequences of a string that is written out


def short(string: String, order: int) -> bool:
    """Whether the string has so few sub-sequences that they are written out."""
    return sum(math.comb(len(string), size) for size in range(1, order + 1)) <= _MOST


@dataclass(frozen=True)
class Occurrences:
    """Where which sub-sequences occur in sets of strings.

    Args:
        rows: number of sets.
        row, column: (p,) set and number of the sub-sequence, different pairs.
        pair: (e,) which of these an occurrence belongs to.
        length, gaps, count: (e,) tokens of the sub-sequence, tokens skipped, how often.
    """

    rows: int
    row: Tensor
    column: Tensor
    pair: Tensor
    length: Tensor
    gaps: Tensor
    count: Tensor

    def values(self, gap: Tensor, decay: Tensor) -> Tensor:
        """phi_u(set) for each pair, (*b, p), from decays of shape (*b, 1)."""
        each = self.count.to(gap) * decay**self.length * gap**self.gaps
        return torch.zeros(*each.shape[:-1], len(self.row)).to(each).index_add(-1, self.pair, each)

    def squares(self, values: Tensor) -> Tensor:
        """Sums over u of phi_u(set)^2, (*b, rows)."""
        return torch.zeros(*values.shape[:-1], self.rows).to(values).index_add(-1, self.row, values.square())

    def matrix(self, values: Tensor, columns: Tensor) -> Tensor:
        """phi of the sub-sequences with these ascending numbers, (*b, rows, len(columns))."""
        place = torch.searchsorted(columns, self.column).clamp(max=max(len(columns) - 1, 0))
        known = columns[place] == self.column if len(columns) else torch.zeros(0, dtype=torch.bool)
        flat = torch.zeros(*values.shape[:-1], self.rows * len(columns)).to(values)
        if len(columns):
            flat = flat.index_add(-1, (self.row * len(columns) + place)[known], values[..., known])
        return flat.reshape(*values.shape[:-1], self.rows, len(columns))


def product(one: Occurrences, two: Occurrences, values: Tensor, other: Tensor) -> Tensor:
    """Sums over u of phi_u(set) phi_u(other set), (*b, rows of one, rows of two)."""
    first, second = torch.unique(one.column), torch.unique(two.column)
    common = first[torch.isin(first, second)]
    return one.matrix(values, common) @ two.matrix(other, common).mT


def occurrences(sets: Sequence[Counter[String]], order: int, number: dict[String, int]) -> Occurrences:
    """Those of sub-sequences up to `order` tokens; `number` gets the new ones."""
    pairs: dict[tuple[int, int], int] = {}
    entries: Counter[tuple[int, int, int]] = Counter()
    for place, strings in enumerate(sets):
        for string, times in strings.items():
            for (sub, skipped), count in _written_out(string, order).items():
                pair = pairs.setdefault((place, number.setdefault(sub, len(number))), len(pairs))
                entries[pair, len(sub), skipped] += times * count
    counts = torch.tensor([*entries.values()], dtype=torch.long)
    row, column = _columns(list(pairs), 2)
    owner, length, gaps = _columns(list(entries), 3)
    return Occurrences(len(sets), row, column, owner, length, gaps, counts)


def _columns(rows: Sequence[tuple[int, ...]], width: int) -> tuple[Tensor, ...]:
    return torch.tensor(rows, dtype=torch.long).reshape(-1, width).T.contiguous().unbind()


@functools.lru_cache(maxsize=2**14)
def _written_out(string: String, order: int) -> dict[tuple[String, int], int]:
    """How often each sub-sequence occurs with each number of tokens skipped."""
    return Counter(
        (tuple(string[i] for i in places), places[-1] - places[0] + 1 - size)
        for size in range(1, order + 1)
        for places in itertools.combinations(range(len(string)), size)
    )
