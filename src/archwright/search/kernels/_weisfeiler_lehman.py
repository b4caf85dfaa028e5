"""`WeisfeilerLehman`: labels of vertices, refined by those of their neighbours, counted and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import final

from archwright.errors import UserError
from archwright.search.kernels._cell import ENDS, Cell, cells
from archwright.search.kernels._indexed import Indexed
from archwright.search.kernels._label_counts import Counts, LabelCounts
from archwright.space import Arch, Space

_Label = tuple[object, ...]


@final
class WeisfeilerLehman(Indexed[Counts]):
    """The Weisfeiler-Lehman sub-tree kernel with a weight for each iteration, normalised to 1 on the diagonal.

    Shervashidze, Schweitzer, van Leeuwen, Mehlhorn and Borgwardt (JMLR 2011), algorithm 2; for architectures as in Ru,
    Wan, Dong and Osborne (ICLR 2021, "Interpretable Neural Architecture Search via Bayesian Optimisation with
    Weisfeiler-Lehman Kernels"). In each of h iterations the label of a vertex becomes its label and the sorted labels
    of the vertices that it reads and, apart from them, of those that read it. Vertices without an edge are left out
    except for input and output; the labels of two cells of one graph differ.

    Args:
        space: where the architectures live; `space.graph` draws them.
        iterations: h, 1 to 8.
        directed: whether the vertices before and behind are told apart.

    Raises:
        UserError: a value out of range.
    """

    def __init__(self, space: Space, *, iterations: int = 2, directed: bool = True) -> None:
        super().__init__(space)
        if not 1 <= iterations <= 8:
            raise UserError(f"iterations must be 1 to 8, got {iterations!r}")
        self.iterations, self.directed = iterations, directed
        self._number: dict[_Label, int] = {}

    def kernel(self) -> LabelCounts:
        return LabelCounts(self.memory, self.iterations + 1).double()

    def _item(self, arch: Arch) -> Counts:
        return self.counts(cells(self.space, arch))

    def counts(self, graph: Mapping[str, Cell]) -> Counts:
        """How often each label occurs before the first and after every iteration."""
        levels: list[Counter[int]] = [Counter() for _ in range(self.iterations + 1)]
        for name, cell in graph.items():
            kept = [v for v, label in enumerate(cell.labels) if label in ENDS or cell.sources[v] or cell.targets[v]]
            labels = {v: self._numbered((name, cell.labels[v])) for v in kept}
            levels[0].update(labels.values())
            for level in levels[1:]:
                labels = {v: self._numbered((labels[v], *self._around(cell, v, labels))) for v in kept}
                level.update(labels.values())
        return tuple(levels)

    def _around(self, cell: Cell, v: int, labels: Mapping[int, int]) -> tuple[tuple[int, ...], ...]:
        before = [labels[w] for w in cell.sources[v]]
        behind = [labels[w] for w in cell.targets[v]]
        sides = (before, behind) if self.directed else (before + behind,)
        return tuple(tuple(sorted(side)) for side in sides)

    def _numbered(self, label: _Label) -> int:
        return self._number.setdefault(label, len(self._number))
