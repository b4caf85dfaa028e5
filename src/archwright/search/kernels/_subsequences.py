"""`Subsequences`: the string kernel on sets of strings."""

from __future__ import annotations

from collections import Counter
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._indexed import Memory, positions
from archwright.search.kernels._occurrences import Occurrences, String, occurrences, product, short
from archwright.search.kernels._subsequence_recursion import subsequences

Strings = tuple[Counter[String], ...]
"""For each part of an architecture its strings of tokens and how often each occurs."""

_CHUNK = 2**21  # entries of match matrices at a time
_RECENT = 4  # sets of architectures whose occurrences are kept


@final
class Subsequences(gpytorch.kernels.Kernel):
    """k(a, b) = mean over parts of s(a, b) / sqrt(s(a, a) s(b, b)), s(a, b) the sum of `subsequences` over the pairs of
    a string of a and a string of b in the part.

    A part without a token has covariance 1 with another such one and 0 with all others. Sub-sequences of short strings
    are written out; for others, each pair of different strings is worked out once a call.

    Args:
        memory: strings of every architecture.
        order: longest sub-sequence that counts.
        batch_shape: of `gap` and `decay`, both in (0, 1); they start at 0.73 and 0.88 as in BOSS.
    """

    def __init__(self, memory: Memory[Strings], order: int, *, batch_shape: torch.Size | None = None) -> None:
        super().__init__(batch_shape=batch_shape)
        self.memory, self.order = memory, order
        self._number: dict[String, int] = {}  # of sub-sequences
        self._recent: dict[tuple[int, ...], list[Occurrences] | None] = {}
        for name, first in (("raw_gap", 1.0), ("raw_decay", 2.0)):
            self.register_parameter(name, torch.nn.Parameter(torch.full((*self.batch_shape, 1), first)))
            self.register_constraint(name, gpytorch.constraints.Interval(0.0, 1.0))

    @property
    def gap(self) -> Tensor:
        """(*batch_shape, 1), factor for a token skipped."""
        return self.raw_gap_constraint.transform(self.raw_gap)

    @gap.setter
    def gap(self, value: Tensor | float) -> None:
        self._set("raw_gap", value)

    @property
    def decay(self) -> Tensor:
        """(*batch_shape, 1), factor for a token matched."""
        return self.raw_decay_constraint.transform(self.raw_decay)

    @decay.setter
    def decay(self, value: Tensor | float) -> None:
        self._set("raw_decay", value)

    def _set(self, name: str, value: Tensor | float) -> None:
        raw = getattr(self, name)
        wanted = torch.as_tensor(value).to(raw).expand_as(raw)
        self.initialize(**{name: getattr(self, f"{name}_constraint").inverse_transform(wanted)})

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        if params.get("last_dim_is_batch"):
            raise RuntimeError("one column of the features of an architecture has no covariance of its own")
        if diag and torch.equal(x1, x2):
            return torch.ones_like(self.gap).to(x1) * torch.ones_like(x1[..., 0])
        rows, row = torch.unique(positions(x1), return_inverse=True)
        columns, column = torch.unique(positions(x2), return_inverse=True)
        found = self._matrix(rows.tolist(), columns.tolist(), x1)  # (*batch_shape, rows, columns)
        if diag:
            return _gathered(found, row.unsqueeze(-1), column.unsqueeze(-1)).squeeze(-1)
        return _gathered(found, row[..., :, None], column[..., None, :])

    def _matrix(self, rows: list[int], columns: list[int], like: Tensor) -> Tensor:
        first, second = self._occurrences(rows), self._occurrences(columns)
        if first is not None and second is not None:
            gap, decay = self.gap.to(like), self.decay.to(like)
            return torch.stack([_from_features(a, b, gap, decay) for a, b in zip(first, second)]).mean(0)
        one, two = ([self.memory.items[n] for n in side] for side in (rows, columns))
        parts = [
            self._part([item[p] for item in one], [item[p] for item in two], like, same=rows == columns)
            for p in range(len(one[0]))
        ]
        return torch.stack(parts).mean(0)

    def _occurrences(self, rows: list[int]) -> list[Occurrences] | None:
        """Of each part, or None if a string is long. The last few are kept: training asks again and again."""
        key = tuple(rows)
        if key not in self._recent:
            items = [self.memory.items[n] for n in rows]
            brief = all(short(string, self.order) for item in items for part in item for string in part)
            parts = [occurrences(part, self.order, self._number) for part in zip(*items)] if brief else None
            while len(self._recent) >= _RECENT:
                self._recent.pop(next(iter(self._recent)))
            self._recent[key] = parts
        return self._recent[key]

    def _part(self, one: list[Counter[String]], two: list[Counter[String]], like: Tensor, *, same: bool) -> Tensor:
        """Normalised covariances of one part, (*batch_shape, rows, columns)."""
        strings, others = list(dict.fromkeys(s for c in one for s in c)), list(dict.fromkeys(s for c in two for s in c))
        counts, counted = _counts(one, strings).to(like), _counts(two, others).to(like)
        both = counts @ self._strings(strings, others, like, same=same) @ counted.mT
        if same:
            first = second = both.diagonal(dim1=-2, dim2=-1)
        else:
            first, second = self._selves(one, like), self._selves(two, like)
        return _normalised(both, first, second)

    def _strings(self, one: list[String], two: list[String], like: Tensor, *, same: bool) -> Tensor:
        """Un-normalised covariances of strings, (*batch_shape, len(one), len(two))."""
        if not one or not two:
            return torch.zeros(*self.batch_shape, len(one), len(two)).to(like)
        if not same:
            i, j = torch.cartesian_prod(torch.arange(len(one)), torch.arange(len(two))).unbind(-1)
            return self._pairs(one, two, i, j, like).reshape(*self.batch_shape, len(one), len(two))
        i, j = torch.triu_indices(len(one), len(one))
        place = torch.zeros(len(one), len(one), dtype=torch.long)
        place[i, j] = place[j, i] = torch.arange(len(i))
        return self._pairs(one, two, i, j, like)[..., place]

    def _pairs(self, one: list[String], two: list[String], i: Tensor, j: Tensor, like: Tensor) -> Tensor:
        """Un-normalised covariances of one[i] and two[j], (*batch_shape, len(i))."""
        gap, decay = (value[..., None, None].to(like) for value in (self.gap, self.decay))
        first, second = _padded(one, -1), _padded(two, -2)  # paddings of two kinds never match
        chunk = max(_CHUNK // (first.shape[1] * second.shape[1]), 1)
        found = [
            subsequences((first[a][:, :, None] == second[b][:, None, :]).to(like), gap, decay, self.order)
            for a, b in zip(torch.split(i, chunk), torch.split(j, chunk))
        ]
        return torch.cat(found, -1)

    def _selves(self, items: list[Counter[String]], like: Tensor) -> Tensor:
        """s(a, a) of each, (*batch_shape, len(items))."""
        strings = list(dict.fromkeys(s for item in items for s in item))
        number = {string: n for n, string in enumerate(strings)}
        met = [
            (a, number[s], number[t], n * m) for a, c in enumerate(items) for s, n in c.items() for t, m in c.items()
        ]
        total = torch.zeros(*self.batch_shape, len(items)).to(like)
        if not met:
            return total
        owner, i, j, weight = map(torch.tensor, zip(*met))
        both, inverse = torch.unique(torch.stack([i, j]), dim=1, return_inverse=True)
        values = self._pairs(strings, strings, both[0], both[1], like)[..., inverse] * weight.to(like)
        return total.index_add(-1, owner, values)


def _from_features(one: Occurrences, two: Occurrences, gap: Tensor, decay: Tensor) -> Tensor:
    """Normalised covariances of one part, (*batch_shape, rows, columns)."""
    values = one.values(gap, decay)
    other = values if one is two else two.values(gap, decay)
    return _normalised(product(one, two, values, other), one.squares(values), two.squares(other))


def _normalised(both: Tensor, first: Tensor, second: Tensor) -> Tensor:
    size = first[..., :, None] * second[..., None, :]
    empty = (first[..., :, None] == 0) & (second[..., None, :] == 0)
    return torch.where(size > 0, both / size.clamp(min=1e-30).sqrt(), empty.to(both))


def _gathered(found: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Entries of (*batch, rows, columns) at positions (*b, n, m), where `batch` and `b` broadcast."""
    batch = np.broadcast_shapes(found.shape[:-2], row.shape[:-2])
    axes = [torch.arange(size).reshape(-1, *[1] * (len(batch) - n + 1)) for n, size in enumerate(batch)]
    return found.expand(*batch, *found.shape[-2:])[(*axes, row, column)]


def _counts(items: list[Counter[String]], strings: list[String]) -> Tensor:
    number = {string: n for n, string in enumerate(strings)}
    matrix = torch.zeros(len(items), len(strings), dtype=torch.float64)
    for row, item in enumerate(items):
        for string, count in item.items():
            matrix[row, number[string]] = count
    return matrix


def _padded(strings: list[String], pad: int) -> Tensor:
    """(len(strings), longest)."""
    longest = max(max(map(len, strings)), 1)
    return torch.tensor([string + (pad,) * (longest - len(string)) for string in strings])
