"""`Depth`."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Ordinal
from archwright.supernet._oneof import mixture
from archwright.supernet._searchable import Condition, Searchable, Variable
from archwright.supernet._selection import Paths, concrete, decision


class Depth(Searchable):
    """A stack of blocks of which the first d run; under relaxation `sum of a_d h_d`, h_d the output after d blocks.

    Args:
        depth: the numbers of blocks to choose from, at least 0; the largest must not exceed `len(blocks)`.
        blocks: modules that keep the shape of their input (as far as one depth may end where another goes on).

    Raises:
        UserError: depths that are not integers from 0 to `len(blocks)`.
    """

    def __init__(self, depth: Ordinal, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        if any(not isinstance(d, int) or not 0 <= d <= len(blocks) for d in depth.options):
            raise UserError(
                f"depths of {depth.name!r} must be integers from 0 to {len(blocks)}, the number of blocks, "
                f"got {list(depth.options)}"
            )
        self.depth = depth
        self.blocks = nn.ModuleList(blocks)

    def variables(self) -> tuple[Variable, ...]:
        return (self.depth,)

    def branches(self) -> Iterator[tuple[nn.Module, Condition]]:
        for i, block in enumerate(self.blocks):
            deep_enough = tuple(d for d in self.depth.options if d > i)
            yield block, {} if len(deep_enough) == len(self.depth.options) else {self.depth.name: deep_enough}

    def forward(self, x: Tensor) -> Tensor:
        weights = decision(self.depth)
        if isinstance(weights, Paths):
            return self._mix(x, weights.used(), [self.depth.options[i] for i in weights.indices])
        if isinstance(weights, Tensor):
            return self._mix(x, weights, self.depth.options)
        for block in self._first(weights):
            x = block(x)
        return x

    def _first(self, depth: object) -> list[nn.Module]:
        return list(self.blocks)[: int(depth)]  # type: ignore[call-overload]

    def _mix(self, x: Tensor, weights: Tensor, depths: Sequence[Any]) -> Tensor:
        needed = depths
        if not weights.requires_grad:  # blocks behind the last depth of positive weight need not run
            needed = tuple(d for d, w in zip(needed, weights.tolist()) if w != 0.0) or depths[:1]
        outputs = {0: x}
        for i, block in enumerate(self.blocks[: max(needed)]):
            outputs[i + 1] = block(outputs[i])
        return mixture(weights, [functools.partial(outputs.__getitem__, d) for d in depths])

    def plain(self) -> nn.Sequential:
        return nn.Sequential(*self._first(concrete(self.depth)))
