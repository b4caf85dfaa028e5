"""Kernels whose features are positions in a memory of architectures."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, final

import torch
from torch import Tensor

from archwright.search.kernels._kernel import ArchKernel
from archwright.search.kernels._matrix_kernel import MatrixKernel
from archwright.space import Arch, Space

T = TypeVar("T")


@final
class Memory(Generic[T]):
    """What is known of each architecture seen, by position; shared by copies of the kernels that read it."""

    def __init__(self) -> None:
        self.items: list[T] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> Memory[T]:
        return self


class Indexed(ArchKernel, abc.ABC, Generic[T]):
    """A covariance without finitely many features: a row is the position of the architecture in a memory.

    Args:
        space: where the architectures live.
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self.memory: Memory[T] = Memory()
        self._position: dict[Arch, int] = {}

    @abc.abstractmethod
    def _item(self, arch: Arch) -> T:
        """What the kernel has to know of an architecture."""

    def features(self, archs: Sequence[Arch]) -> Tensor:
        """(n, 1): positions, in the order in which architectures were first seen."""
        for arch in archs:
            if arch not in self._position:
                item = self._item(arch)
                self._position[arch] = len(self.memory.items)
                self.memory.items.append(item)
        return torch.tensor([[float(self._position[arch])] for arch in archs], dtype=torch.float64).reshape(-1, 1)


class IndexedMatrixKernel(MatrixKernel, abc.ABC):
    """A kernel on positions, from fixed matrices. Each pair of architectures is worked out once a call."""

    @abc.abstractmethod
    def between(self, rows: Tensor, columns: Tensor) -> Tensor:
        """(r,) and (c,) different positions to (k, r, c)."""

    @abc.abstractmethod
    def along(self, rows: Tensor, columns: Tensor) -> Tensor:
        """(r,) and (r,) positions, pair by pair, to (k, r)."""

    def matrices(self, x1: Tensor, x2: Tensor) -> Tensor:
        rows, row = torch.unique(positions(x1), return_inverse=True)
        columns, column = torch.unique(positions(x2), return_inverse=True)
        found = self.between(rows, columns).to(x1)[:, row[..., :, None], column[..., None, :]]
        return found.movedim(0, -3)

    def pairs(self, x1: Tensor, x2: Tensor) -> Tensor:
        row, column = positions(x1), positions(x2)
        both, inverse = torch.unique(torch.stack([row.flatten(), column.flatten()]), dim=1, return_inverse=True)
        found = self.along(both[0], both[1]).to(x1)[:, inverse.reshape(row.shape)]
        return found.movedim(0, -2).unsqueeze(-1)


def positions(x: Tensor) -> Tensor:
    """(*b, n, 1) features to (*b, n) integers."""
    return x.detach().squeeze(-1).round().long()
