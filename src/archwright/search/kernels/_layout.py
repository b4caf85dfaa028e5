"""Architectures as rows of one-hot blocks and scalars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from archwright.space import Arch, Choice, Ordinal, Real, Space

_INACTIVE = object()


class Layout:
    """Rows for kernels: a one-hot block for each variable with options, then a scalar in [0, 1] for each other one.

    The options that agree are counted by one matrix product. A variable that can be inactive has a column for that, so
    two architectures without it agree. An inactive scalar is 0.5. Variables with a single value are left out.

    Args:
        space: where the architectures live.
        ranks: whether an `Ordinal` is the scalar rank of its option instead of a block.

    Attributes:
        block: (columns of all blocks,) which block each column belongs to.
        blocks: number of blocks.
        scalars: number of scalars.
    """

    def __init__(self, space: Space, *, ranks: bool = False) -> None:
        self._columns: list[tuple[str, dict[object, int]]] = []
        self._scalars: list[tuple[str, Real | Ordinal]] = []
        block: list[int] = []
        for variable in space.variables:
            if variable.count == 1 and variable.name not in space.when:
                continue
            if isinstance(variable, Real) or (ranks and isinstance(variable, Ordinal)):
                self._scalars.append((variable.name, variable))
            elif isinstance(variable, Choice | Ordinal):
                options: list[object] = [*variable.options, *([_INACTIVE] if variable.name in space.when else [])]
                self._columns.append((variable.name, {o: len(block) + i for i, o in enumerate(options)}))
                block += [len(self._columns) - 1] * len(options)
        self.block = torch.tensor(block, dtype=torch.long)
        self.blocks = len(self._columns)
        self.scalars = len(self._scalars)

    @property
    def width(self) -> int:
        """Length of a row."""
        return len(self.block) + self.scalars

    def rows(self, archs: Sequence[Arch]) -> Tensor:
        """(n, width) float64."""
        rows = np.zeros((len(archs), self.width))
        if self._columns:
            at = [[column[arch.get(name, _INACTIVE)] for name, column in self._columns] for arch in archs]
            np.put_along_axis(rows, np.array(at, dtype=np.intp).reshape(len(archs), -1), 1.0, axis=1)
        for j, (name, variable) in enumerate(self._scalars, len(self.block)):
            rows[:, j] = [_position(variable, arch[name]) if name in arch else 0.5 for arch in archs]
        return torch.from_numpy(rows)


def _position(variable: Real | Ordinal, value: float) -> float:
    if isinstance(variable, Real):
        return variable.position(value)
    return variable.index(value) / max(variable.count - 1, 1)
