"""`LabelCounts`: normalised dot products of weighted counts."""

from __future__ import annotations

from collections import Counter
from typing import final

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._indexed import IndexedMatrixKernel, Memory

Counts = tuple[Counter[int], ...]
"""How often each label occurs, level by level."""


@final
class LabelCounts(IndexedMatrixKernel):
    """k(a, b) = s(a, b) / sqrt(s(a, a) s(b, b)), s(a, b) = sum_h w_h <counts_h(a), counts_h(b)>, w_0 = 1.

    Args:
        memory: counts of every architecture.
        levels: number of levels, at least 2.
        batch_shape: of the weights w_1, w_2, ..., shape (*batch_shape, levels - 1), which start at 1.
    """

    def __init__(self, memory: Memory[Counts], levels: int, *, batch_shape: torch.Size | None = None) -> None:
        super().__init__(batch_shape=batch_shape)
        self.memory, self.levels = memory, levels
        self.register_parameter("raw_weight", torch.nn.Parameter(torch.zeros(*self.batch_shape, levels - 1)))
        self.register_constraint("raw_weight", gpytorch.constraints.Positive())
        ones = torch.ones(levels - 1)
        prior = gpytorch.priors.LogNormalPrior(torch.zeros_like(ones), ones)
        self.register_prior("weight_prior", prior, _weight, _set_weight)
        self.weight = ones

    @property
    def weight(self) -> Tensor:
        """(*batch_shape, levels - 1)."""
        return self.raw_weight_constraint.transform(self.raw_weight)

    @weight.setter
    def weight(self, value: Tensor) -> None:
        self.initialize(raw_weight=self.raw_weight_constraint.inverse_transform(value.expand_as(self.raw_weight)))

    def between(self, rows: Tensor, columns: Tensor) -> Tensor:
        """(3 levels, r, c): products of both, squares of the rows, squares of the columns."""
        one, two = self._sparse(rows, columns)
        both = torch.stack([torch.from_numpy((a @ b.T).toarray()) for a, b in zip(one, two)])
        first = _squares(one)[:, :, None].expand_as(both)
        return torch.cat([both, first, _squares(two)[:, None, :].expand_as(both)])

    def along(self, rows: Tensor, columns: Tensor) -> Tensor:
        one, two = self._sparse(rows, columns)
        both = torch.stack([torch.from_numpy(np.asarray(a.multiply(b).sum(1)).ravel()) for a, b in zip(one, two)])
        return torch.cat([both, _squares(one), _squares(two)])

    def combined(self, matrices: Tensor) -> Tensor:
        weight = torch.cat([torch.ones_like(self.weight[..., :1]), self.weight], -1)[..., None, None]
        both, first, second = ((weight * part).sum(-3) for part in matrices.tensor_split(3, -3))
        return both / (first * second).sqrt()

    def _sparse(self, *sides: Tensor) -> list[list[scipy.sparse.csr_array]]:
        """For each side one matrix (rows, labels) a level."""
        items = [[self.memory.items[n] for n in side.tolist()] for side in sides]
        width = 1 + max((max(c, default=0) for side in items for item in side for c in item), default=0)
        return [[_matrix([item[h] for item in side], width) for h in range(self.levels)] for side in items]


def _weight(kernel: LabelCounts) -> Tensor:
    return kernel.weight


def _set_weight(kernel: LabelCounts, value: Tensor) -> None:
    kernel.weight = value


def _matrix(rows: list[Counter[int]], width: int) -> scipy.sparse.csr_array:
    starts = np.cumsum([0, *map(len, rows)])
    columns = np.array([label for row in rows for label in row], dtype=np.int64)
    values = np.array([count for row in rows for count in row.values()], dtype=np.float64)
    return scipy.sparse.csr_array((values, columns, starts), shape=(len(rows), width))


def _squares(matrices: list[scipy.sparse.csr_array]) -> Tensor:
    """(levels, rows)."""
    return torch.stack([torch.from_numpy(np.asarray(m.multiply(m).sum(1)).ravel()) for m in matrices])
