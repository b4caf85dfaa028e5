"""Costs of a network that a supernet gives for an architecture."""

from __future__ import annotations

from collections.abc import Sequence

from archwright import cost
from archwright.cost import PREDICTED
from archwright.errors import UserError
from archwright.space import Arch
from archwright.supernet import Supernet
from archwright.trial import Metrics


class NetworkCosts:
    """Named costs of an architecture, each computed once.

    Args:
        net: supernet with a known `input_shape`.
        names: of `archwright.cost.names()`; `latency_ms` becomes `predicted_latency_ms` and needs a table.
        table: latency of the operations on the device at hand.

    Raises:
        UserError: a latency is asked for without a table, or the input shape is not known.
    """

    def __init__(
        self, net: Supernet, names: Sequence[str] = ("params", "flops"), *, table: cost.LatencyTable | None = None
    ) -> None:
        if "latency_ms" in names and table is None:
            raise UserError("latency is predicted from a table of this device: build one with cost.LatencyTable.build")
        if net.input_shape is None:
            raise UserError("costs need the shape of one input: Supernet(network, input_shape=(C, H, W))")
        self.net, self.table, self.input_shape = net, table, net.input_shape
        self.names = tuple(PREDICTED if name == "latency_ms" else name for name in names)
        self._known: dict[Arch, Metrics] = {}

    def __call__(self, arch: Arch) -> Metrics:
        if arch not in self._known:
            cut = self.net.extract if PREDICTED in self.names else self.net.slice
            self._known[arch] = cost.evaluate(cut(arch).eval(), self.input_shape, self.names, table=self.table)
        return self._known[arch]
