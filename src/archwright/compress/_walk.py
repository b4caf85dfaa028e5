"""A graph run node by node over all calibration samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

import torch
from torch import Tensor, fx, nn

from archwright.compress._activations import LIMIT, Activations
from archwright.compress._quantised import Quantised


@final
class Walk:
    """Runs every node once, in order, for all batches, and stops before the layers it is asked for; so a layer can be
    changed before what follows it sees its output. What no later node reads is forgotten.

    Args:
        graph: in eval mode.
        batches: inputs of the network, one or a tuple each.
        limit: bytes of each tensor, over all samples, that are kept in memory; more go to disk.
    """

    def __init__(
        self, graph: fx.GraphModule, batches: Iterable[Tensor | tuple[Tensor, ...]], *, limit: int = LIMIT
    ) -> None:
        self._interpreter, self._limit = fx.Interpreter(graph, garbage_collect_values=False), limit
        self._nodes = list(graph.graph.nodes)
        self._values: dict[fx.Node, Activations | list[Any]] = {}
        self._next = 0
        place = {node: n for n, node in enumerate(self._nodes)}
        self._last = {node: max((place[user] for user in node.users), default=n) for node, n in place.items()}
        self._counts: list[int] = []
        inputs = [node for node in self._nodes if node.op == "placeholder"]
        self._inputs = {node: Activations(limit) for node in inputs}
        for batch in batches:
            parts = batch if isinstance(batch, tuple) else (batch,)
            self._counts.append(len(parts[0]))
            for node, x in zip(inputs, parts, strict=True):
                self._inputs[node].add(x)

    @torch.no_grad()
    def into(self, name: str) -> Activations:
        """The input of the layer `name`, a row for each sample; layers are asked for in the order they run."""
        while (node := self._nodes[self._next]).op != "call_module" or node.target != name:
            self._run(node)
            self._next += 1
        found = self._values[node.args[0]]
        assert isinstance(found, Activations)
        layer = self._interpreter.submodules[name]
        layer = layer.layer if isinstance(layer, Quantised) else layer
        return found.by_sample(self._counts) if isinstance(layer, nn.Linear) else found

    def _run(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            self._values[node] = self._inputs[node]
            return
        if node.op != "output":
            self._values[node] = self._computed(node)
        for read in node.all_input_nodes:
            if self._last[read] <= self._next:
                self._values.pop(read, None)

    def _computed(self, node: fx.Node) -> Activations | list[Any]:
        kept, other = Activations(self._limit), []
        for number in range(len(self._counts)):
            self._interpreter.env = {
                read: v.part(number) if isinstance(v := self._values[read], Activations) else v[number]
                for read in node.all_input_nodes
            }
            value = self._interpreter.run_node(node)
            if isinstance(value, Tensor) and node.op != "get_attr":
                kept.add(value)
            else:
                other.append(value)
        return other or kept
