"""`DenseBlock`: operations in levels, any subset of whose connections may be kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.space import Choice
from archwright.supernet._oneof import total
from archwright.supernet._searchable import Searchable, Variable
from archwright.supernet._selection import Paths, concrete, decision

IN, OUT = "in", "out"
SWITCH = ("cut", "kept")
"""Options of a connection."""

Connection = tuple[str, str]
"""Source and target: names of operations, `in` or `out`."""


class DenseBlock(Searchable):
    """Operations in levels; each reads the sum of the block's input and of all operations of earlier levels, those of
    the first level the input alone. The output is `norm(sum of projections of operations)`, ReLU, plus the shortcut.

    Every connection is a choice of its own, `cut` or `kept`, except those into the first level, which are always there:
    with M levels of N operations N (M - 1) + N^2 M (M - 1) / 2 into operations and M N out of them. Under relaxation a
    connection is multiplied by the weight of `kept`, its factor (Zhang, Huang, Wang 2018, DSO-NAS, equation 2).

    What keeps no way from the input to the output does not run (`living`): of a block without any, the shortcut is
    left. Only where gradients are taken does everything run that is not `cut`, as a factor of zero may grow again.

    Args:
        name: what the names of the choices begin with: `<name>.<source>-<target>`. Blocks of one name share them.
        levels: of each level, operation to module; names must differ in the whole block, and shapes must be kept.
        projections: operation to the module on its way out.
        norm: of the output.
        shortcut: from the input to the output.

    Raises:
        UserError: no operation, one name twice, one that is `in` or `out` or has a hyphen or a dot, or an operation
            without a projection.
    """

    def __init__(
        self,
        name: str,
        levels: Sequence[Mapping[str, nn.Module]],
        projections: Mapping[str, nn.Module],
        *,
        norm: nn.Module,
        shortcut: nn.Module,
    ) -> None:
        super().__init__()
        self.name = name
        self.levels = tuple(tuple(level) for level in levels)
        names = [operation for level in self.levels for operation in level]
        if not names or len({*names, IN, OUT}) < len(names) + 2 or any("-" in n or "." in n for n in names):
            raise UserError(f"a dense block needs different names without - and . for its operations, got {names}")
        if set(projections) != set(names):
            raise UserError(f"each of {names} needs a projection, got them for {list(projections)}")
        self.operations = nn.ModuleDict({n: module for level in levels for n, module in level.items()})
        self.projections = nn.ModuleDict({n: projections[n] for n in names})
        self.norm, self.shortcut = norm, shortcut
        self.choices = {c: Choice(f"{name}.{c[0]}-{c[1]}", SWITCH) for c in _connections(self.levels)}

    def variables(self) -> tuple[Variable, ...]:
        return tuple(self.choices.values())

    def nothing(self) -> dict[str, tuple[str, ...]]:
        return {choice.name: (SWITCH[0],) for choice in self.choices.values()}

    def forward(self, x: Tensor) -> Tensor:
        factors = {c: factor for c, choice in self.choices.items() if (factor := connected(choice)) is not None}
        alive = living(factors, self.levels[0])
        if not alive:
            return self.shortcut(x)
        nodes = {IN: x}
        for n, level in enumerate(self.levels):
            present = [t for t in level if any(t in c for c in alive)]
            inputs = [x] * len(present) if n == 0 else self._inputs(nodes, present, alive, factors)
            nodes |= {t: self.operations[t](h) for t, h in zip(present, inputs)}
        outputs = [scaled(self.projections[s](nodes[s]), factors[s, t]) for s, t in alive if t == OUT]
        return torch.relu(self.norm(total(outputs))) + self.shortcut(x)

    def _inputs(
        self,
        nodes: Mapping[str, Tensor],
        targets: Sequence[str],
        alive: Collection[Connection],
        factors: Mapping[Connection, Tensor | bool],
    ) -> list[Tensor]:
        """What the targets read; with factors one product of matrices for all of them."""
        into = {t: [s for s, target in alive if target == t] for t in targets}
        if all(factors[s, t] is True for t in targets for s in into[t]):
            return [total([nodes[s] for s in into[t]]) for t in targets]
        sources = list(dict.fromkeys(s for t in targets for s in into[t]))
        if not sources:
            return []
        stacked = torch.stack([nodes[s] for s in sources])
        rows = [[factors[s, t] if s in into[t] else 0.0 for s in sources] for t in targets]
        weights = torch.stack([torch.as_tensor(w, dtype=stacked.dtype, device=stacked.device) for r in rows for w in r])
        mixed = weights.to(stacked.dtype).view(len(targets), len(sources)) @ stacked.flatten(1)
        return list(mixed.view(len(targets), *stacked.shape[1:]))

    def plain(self) -> nn.Module:
        """The connections that live, or the shortcut alone."""
        kept = [c for c, choice in self.choices.items() if concrete(choice) == SWITCH[1]]
        alive = living(kept, self.levels[0])
        return PlainDenseBlock(self, alive) if alive else self.shortcut


class PlainDenseBlock(nn.Module):
    """What `DenseBlock.plain` gives: the operations that live, every connection with factor one."""

    def __init__(self, block: DenseBlock, alive: Sequence[Connection]) -> None:
        super().__init__()
        self.order = [t for level in block.levels for t in level if any(t in c for c in alive)]
        self.into = {t: [s for s, target in alive if target == t] or [IN] for t in [*self.order, OUT]}
        self.operations = nn.ModuleDict({t: block.operations[t] for t in self.order})
        self.projections = nn.ModuleDict({s: block.projections[s] for s in self.into[OUT]})
        self.norm, self.shortcut = block.norm, block.shortcut

    def forward(self, x: Tensor) -> Tensor:
        nodes = {IN: x}
        for t in self.order:
            nodes[t] = self.operations[t](total([nodes[s] for s in self.into[t]]))
        out = total([self.projections[s](nodes[s]) for s in self.into[OUT]])
        return torch.relu(self.norm(out)) + self.shortcut(x)


def living(kept: Iterable[Connection], first: Collection[str]) -> list[Connection]:
    """Of the connections of a block those on a way from its input to its output (DSO-NAS, section 3.3).

    An operation is needed if it reaches the output, directly or by one that is needed, and has something to read if it
    is of the first level or a kept connection comes from the input or from one that has.

    Args:
        kept: connections, in any order that puts those into an operation before those out of it.
        first: operations of the first level.
    """
    kept = list(kept)
    needed = {OUT}
    for source, target in reversed(kept):
        if target in needed:
            needed.add(source)
    fed = {IN, *first}
    for source, target in kept:
        if source in fed:
            fed.add(target)
    return [(s, t) for s, t in kept if s in fed and t in needed]


def connected(choice: Choice) -> Tensor | bool | None:
    """What the running selection says about a connection: True if it is kept, None if not, or its factor.

    A factor of exactly zero counts as not kept unless it needs a gradient.
    """
    value = decision(choice)
    if isinstance(value, Paths):
        if SWITCH.index("kept") not in value.indices:
            return None
        factor = value.used()[value.indices.index(SWITCH.index("kept"))]
    elif isinstance(value, Tensor):
        factor = value[SWITCH.index("kept")]
    else:
        return True if value == "kept" else None
    return factor if factor.requires_grad or bool(factor != 0) else None


def scaled(x: Tensor, factor: Tensor | bool) -> Tensor:
    """`x` times what `connected` gave."""
    return factor * x if isinstance(factor, Tensor) else x


def _connections(levels: Sequence[Sequence[str]]) -> list[Connection]:
    """All of them, those into an operation before those out of it."""
    before = [IN, *levels[0]]
    found: list[Connection] = []
    for level in levels[1:]:
        found += [(s, t) for t in level for s in before]
        before += level
    return found + [(s, OUT) for s in before[1:]]
