"""`SharedGraphWeights`: a trained graph supernet judges its sub-networks."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from archwright.data.graphs import Graph
from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.space import Arch
from archwright.supernet import Supernet, recalibrate
from archwright.trial import Report


class SharedGraphWeights(Estimator):
    """Accuracy on the validation nodes with the weights of a supernet that is bound to a graph.

    The sub-network is cut out and its batch-norm statistics, if it has any, are computed anew. Train the supernet with
    `GraphTrainer.fit(net, graph, step=SupernetStep(net.space, Uniform(), distil=False), metrics=lambda net: {})`.

    Args:
        net: trained supernet.
        graph: to judge on; its test nodes are not looked at.

    Raises:
        UserError: no validation nodes.
    """

    source = "shared-weights"
    shared = True

    def __init__(self, net: Supernet, graph: Graph) -> None:
        if not graph.valid.any():
            raise UserError(f"graph {graph.name!r} has no valid nodes")
        self.net, self.graph = net, graph

    @torch.no_grad()
    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        graph = self.graph
        module = recalibrate(self.net.slice(arch), [graph.x])
        correct = (module(graph.x).argmax(1) == graph.y)[graph.valid]
        yield Report(step=0, metrics={"accuracy": 100.0 * int(correct.sum()) / len(correct)})
