"""`StringKernel`: architectures written as strings, compared by the gapped sub-sequences they share."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Literal, final

from archwright.errors import UserError
from archwright.search.kernels._cell import ENDS, Cell, cells, labels, sampled
from archwright.search.kernels._indexed import Indexed
from archwright.search.kernels._occurrences import String
from archwright.search.kernels._subsequences import Strings, Subsequences
from archwright.space import Arch, Choice, Real, Space

By = Literal["auto", "paths", "sequence"]
_BINS = 8  # tokens for the values of a `Real`


@final
class StringKernel(Indexed[Strings]):
    """The normalised sub-sequence string kernel, 1 on the diagonal, over strings that describe an architecture.

    Lodhi et al. (2002); Bayesian optimisation with it is BOSS, Moss, Beck, Gonzalez, Leslie and Rayson (NeurIPS 2020,
    arXiv 2010.00979). `by="paths"`: the operations on each way from the inputs to the outputs of a cell are a string;
    the kernel is summed over pairs of strings, so that it does not depend on the order of vertices. `by="sequence"`:
    one string with a token a variable in the order of the space, cut into `parts` of about equal length.

    Tokens of a sequence are the options where all variables are choices among the same ones; else `width=16`, the last
    part of the name without its number and the value (a `Real`: which eighth of its range), so that layers compare.
    Cells of one graph, and parts of a sequence, are normalised apart, and their mean is taken.

    Args:
        space: where the architectures live.
        order: longest sub-sequence, at least 1.
        by: `auto`: paths where the space draws operations as vertices, else the sequence.
        parts: of a sequence, at least 1; m parts are m times as fast, and lose matches across parts.

    Raises:
        UserError: a value out of range.
    """

    def __init__(self, space: Space, *, order: int = 5, by: By = "auto", parts: int = 1) -> None:
        super().__init__(space)
        if order < 1 or parts < 1:
            raise UserError(f"order and parts must be at least 1, got order={order!r} and parts={parts!r}")
        if by not in ("auto", "paths", "sequence"):
            raise UserError(f"by must be 'auto', 'paths' or 'sequence', got {by!r}")
        seen = sampled(space)
        self.order, self.parts = order, parts
        self.by = by if by != "auto" else "sequence" if any("=" in name for name in labels(space, seen)) else "paths"
        self._cells = tuple(sorted({name for found in seen for name in found}))
        options = [v.options if isinstance(v, Choice) else None for v in space.variables]
        self._alike = options[0] is not None and len(set(options)) == 1
        self._number: dict[str, int] = {}

    def kernel(self) -> Subsequences:
        return Subsequences(self.memory, self.order).double()

    def strings(self, arch: Arch) -> list[list[tuple[str, ...]]]:
        """The strings of each part, readable."""
        if self.by == "sequence":
            tokens = tuple(self._token(name, value) for name, value in arch.items())
            ends = [len(tokens) * part // self.parts for part in range(self.parts + 1)]
            return [[tokens[start:end]] for start, end in itertools.pairwise(ends)]
        drawn = cells(self.space, arch)
        return [list(_ways(drawn[name])) if name in drawn else [] for name in self._cells]

    def _item(self, arch: Arch) -> Strings:
        return tuple(Counter(self._numbered(s) for s in part if s) for part in self.strings(arch))

    def _numbered(self, string: tuple[str, ...]) -> String:
        return tuple(self._number.setdefault(token, len(self._number)) for token in string)

    def _token(self, name: str, value: object) -> str:
        if self._alike:
            return str(value)
        variable = self.space[name]
        if isinstance(variable, Real) and isinstance(value, float):
            value = min(int(_BINS * variable.position(value)), _BINS - 1)
        kind = name.rpartition(".")[2].rstrip("0123456789")
        return f"{kind}={value}"


def _ways(cell: Cell) -> Iterator[tuple[str, ...]]:
    """The labels on each way from a vertex `input` to a vertex `output`."""
    waiting: list[tuple[int, tuple[str, ...]]] = [(v, ()) for v, label in enumerate(cell.labels) if label == ENDS[0]]
    while waiting:
        v, passed = waiting.pop()
        if cell.labels[v] == ENDS[1]:
            yield passed
        else:
            here = passed if cell.labels[v] == ENDS[0] else (*passed, cell.labels[v])
            waiting.extend((w, here) for w in cell.targets[v])
