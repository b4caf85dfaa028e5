"""What the connections of dense blocks cost: the adaptive penalties of DSO-NAS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.gradient._relaxed import options_of
from archwright.supernet import DenseBlock, Supernet, living
from archwright.supernet._dense_block import OUT, SWITCH, Connection

Adapt = Literal["flops", "memory"]


@dataclasses.dataclass(frozen=True)
class Work:
    """Of one operation and one sample.

    Args:
        flops: multiplications and additions of its convolutions.
        memory: numbers read and written: inputs, outputs and weights of convolutions and pools.
    """

    flops: float = 0.0
    memory: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.memory + other.memory)


class ConnectionCosts:
    """Penalties of connections by cost (Zhang, Huang, Wang 2018, DSO-NAS, section 3.4).

    Args:
        net: supernet with dense blocks and an `input_shape`.

    Raises:
        UserError: no dense block, or no input shape.
    """

    def __init__(self, net: Supernet) -> None:
        blocks = [part for part in net.searchable() if isinstance(part, DenseBlock)]
        if not blocks or net.input_shape is None:
            raise UserError(
                "a penalty that adapts to costs weighs the connections of dense blocks at a known input size; "
                f"{net.space.name or 'this network'} has none: leave adapt out, or take the space dso-nas"
            )
        self._first = {block.name: block.levels[0] for block in blocks}
        self._connections = {block.name: list(block.choices) for block in blocks}
        self.operations: dict[str, dict[str, Work]] = {name: {} for name in self._first}
        self.projections: dict[str, dict[str, Work]] = {name: {} for name in self._first}
        work = _measured(net, [m for b in blocks for m in (*b.operations.values(), *b.projections.values())])
        for block in blocks:  # those of one name add up
            for modules, found in (
                (block.operations, self.operations[block.name]),
                (block.projections, self.projections[block.name]),
            ):
                for name, module in modules.items():
                    found[name] = found.get(name, Work()) + work[module]

    def flops(self, block: str, kept: Sequence[Connection] | None = None) -> float:
        """Of the live operations and projections of the blocks of a name; of all of them if `kept` is None."""
        connections = self._connections[block]
        alive = living(connections if kept is None else [c for c in connections if c in set(kept)], self._first[block])
        running = {node for c in alive for node in c}
        inside = sum(work.flops for name, work in self.operations[block].items() if name in running)
        return inside + sum(self.projections[block][source].flops for source, target in alive if target == OUT)

    def shares(self, factors: Mapping[str, float], adapt: Adapt) -> dict[str, float]:
        """Connection to what its penalty is multiplied by, in [0, 1].

        Args:
            factors: name of the connection to its factor; a factor of zero is not kept.
            adapt: `"flops"`: the block's FLOPs now over its FLOPs at the start, the same for all of its connections;
                `"memory"`: memory accesses of the operation that the connection feeds (of the projection, if it feeds
                the output) over the largest of the network.
        """
        found: dict[str, float] = {}
        for block, connections in self._connections.items():
            names = {c: f"{block}.{c[0]}-{c[1]}" for c in connections}
            if adapt == "flops":
                kept = [c for c in connections if factors.get(names[c], 0.0) > 0]
                found |= dict.fromkeys(names.values(), self.flops(block, kept) / self.flops(block))
            else:
                found |= {name: self._access(block, c) / self._largest() for c, name in names.items()}
        return found

    def _access(self, block: str, connection: Connection) -> float:
        source, target = connection
        work = self.projections[block][source] if target == OUT else self.operations[block][target]
        return work.memory

    def _largest(self) -> float:
        return max(self._access(block, c) for block, connections in self._connections.items() for c in connections)


def _measured(net: Supernet, parts: Sequence[nn.Module]) -> dict[nn.Module, Work]:
    """The work of each part, from one pass of one sample."""
    work: dict[nn.Module, Work] = {}

    def seen(module: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        moved = float(inputs[0].numel() + out.numel())
        if isinstance(module, nn.Conv2d):
            flops = 2.0 * out.numel() * module.weight[0].numel()
            work[module] = Work(flops, moved + module.weight.numel())
        elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
            work[module] = Work(0.0, moved)

    handles = [module.register_forward_hook(seen) for part in parts for module in part.modules()]
    training, device = net.training, next(net.parameters()).device
    assert net.input_shape is not None
    try:
        with torch.no_grad():
            net.eval()(torch.zeros((1, *net.input_shape), device=device), _whole(net))
    finally:
        net.train(training)
        for handle in handles:
            handle.remove()
    return {part: sum((work.get(m, Work()) for m in part.modules()), Work()) for part in parts}


def _whole(net: Supernet) -> dict[str, object]:
    """Everything kept; of other variables the first option."""
    options = {variable.name: options_of(net.space, variable.name) for variable in net.space.variables}
    return {name: SWITCH[1] if found == SWITCH else found[0] for name, found in options.items()}
