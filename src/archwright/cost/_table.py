"""A look-up table of the user's own device: milliseconds of operations, and what their sum says about networks."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, fx, nn

from archwright.cost._blocks import Block, blocks
from archwright.cost._fit import Fit, fit
from archwright.cost._latency import Latency
from archwright.cost._measure import RUNTIMES, measure
from archwright.cost._mode import example
from archwright.errors import UserError, nearest

FORMAT = 1
_MAX_SECONDS = 5.0  # of one measurement


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How every number of a table was measured; see `Latency` for the fields.

    `overhead_ms` is the time of a call that computes nothing. A network pays it once, so it is taken off each entry.
    """

    runtime: str
    version: str
    device: str
    flags: tuple[str, ...]
    threads: int
    batch: int
    repeats: int
    overhead_ms: float
    date: str


class LatencyTable:
    """Measured milliseconds of operations on one device, and the line from their sum to the time of whole networks.

    An operation is a layer with the normalisation and activation behind it, or a function, at given input shapes. What
    the table says about a network is a prediction and is never stored as a measurement.

    Args:
        entries: milliseconds by operation.
        protocol: how they were measured.
        networks: for each network measured whole, the sum of its entries and its measured milliseconds.
    """

    def __init__(
        self, entries: Mapping[str, float], *, protocol: Protocol, networks: Sequence[tuple[float, float]] = ()
    ) -> None:
        self.entries = dict(entries)
        self.protocol = protocol
        self.networks = tuple(networks)
        self.fit: Fit = fit([total for total, _ in self.networks], [measured for _, measured in self.networks])

    @classmethod
    def build(
        cls,
        modules: Iterable[nn.Module],
        input_shape: Sequence[int],
        *,
        runtime: str = "torch",
        threads: int = 1,
        batch: int = 1,
        repeats: int = 30,
        progress: Callable[[int, int], None] | None = None,
    ) -> LatencyTable:
        """Measure each distinct operation of some networks once, and the networks whole.

        About 20 random networks of a space make a useful table: the operations seen, and a fit that means something.

        Args:
            modules: plain networks (of `Supernet.extract`), traceable by `torch.fx`.
            input_shape: of one input, without the batch.
            runtime: `torch` or `onnxruntime`; a table of one does not tell about the other.
            threads: pinned for every measurement.
            batch: inputs at once.
            repeats: samples of each measurement.
            progress: called with the number of measurements done and in all.

        Raises:
            UserError: no networks, an unknown runtime, or a network that cannot be traced.
        """
        nets = list(modules)
        if not nets:
            raise UserError("a latency table needs at least one network, got none")
        if runtime not in RUNTIMES:
            raise UserError(f"unknown runtime {runtime!r}{nearest(runtime, RUNTIMES)}")
        x = example(nets[0], (batch, *input_shape))
        cut = [blocks(net, x) for net in nets]
        distinct = {block.key: block for parts in cut for block in parts}
        todo = len(distinct) + len(nets)
        overhead = _time(_nothing(), (x,), runtime, threads, repeats)
        protocol = _protocol(overhead, repeats)
        entries: dict[str, float] = {}
        for key, block in distinct.items():
            entries[key] = _net(_milliseconds(block, runtime, threads, repeats), protocol)
            _report(progress, len(entries), todo)
        whole: list[Latency] = []
        for net in nets:
            whole.append(_time(net, (x,), runtime, threads, repeats))
            _report(progress, len(entries) + len(whole), todo)
        totals = [sum(entries[block.key] for block in parts) for parts in cut]
        networks = [(total, latency.ms) for total, latency in zip(totals, whole)]
        return cls(entries, protocol=protocol, networks=networks)

    def predict(self, module: nn.Module, input_shape: Sequence[int], *, measure_missing: bool = False) -> float:
        """Predicted milliseconds of a forward pass: `fit.a + fit.b * sum of entries`.

        Args:
            module: a plain network.
            input_shape: of one input, without the batch; the batch is that of the table.
            measure_missing: measure operations the table does not know and keep them, on this machine, which has to be
                the table's.

        Raises:
            UserError: operations are missing, or would have to be measured on another device than the table's.
        """
        parts = blocks(module, example(module, (self.protocol.batch, *input_shape)))
        missing = {block.key: block for block in parts if block.key not in self.entries}
        if missing and not measure_missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise UserError(
                f"the latency table does not know {next(iter(missing))}{more}; "
                "build it from more networks or allow measure_missing"
            )
        for key, block in missing.items():
            self.entries[key] = self._measured(block)
        return self.fit(sum(self.entries[block.key] for block in parts))

    def _measured(self, block: Block) -> float:
        latency = _milliseconds(block, self.protocol.runtime, self.protocol.threads, self.protocol.repeats)
        if (latency.device, latency.version) != (self.protocol.device, self.protocol.version):
            raise UserError(
                f"the latency table is of {self.protocol.device} with {self.protocol.runtime} {self.protocol.version}, "
                f"not of {latency.device} with {latency.version}: operations cannot be added here"
            )
        return _net(latency, self.protocol)

    def save(self, path: str | Path) -> Path:
        """Write the table as JSON, to a temporary name first."""
        content = {
            "format": FORMAT,
            "protocol": dataclasses.asdict(self.protocol),
            "fit": dataclasses.asdict(self.fit),
            "networks": [{"sum_ms": total, "measured_ms": measured} for total, measured in self.networks],
            "entries_ms": self.entries,
        }
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        partial.replace(target)
        return target

    @classmethod
    def load(cls, path: str | Path) -> LatencyTable:
        """Read a table that `save` wrote.

        Raises:
            UserError: no such file, or not a table of this format.
        """
        source = Path(path)
        if not source.is_file():
            raise UserError(f"no latency table at {source}")
        try:
            content: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise UserError(f"{source} has table format {content['format']!r}, this version reads {FORMAT}")
            protocol = Protocol(**{**content["protocol"], "flags": tuple(content["protocol"]["flags"])})
            networks = [(row["sum_ms"], row["measured_ms"]) for row in content["networks"]]
            return cls(content["entries_ms"], protocol=protocol, networks=networks)
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise UserError(f"{source} is not a latency table: {error!r}") from error


def _milliseconds(block: Block, runtime: str, threads: int, repeats: int) -> Latency:
    try:
        return _time(block.module, block.example(), runtime, threads, repeats)
    except UserError as error:
        raise UserError(f"operation {block.key} cannot be measured: {error}") from error


def _time(module: nn.Module, inputs: tuple[Tensor, ...], runtime: str, threads: int, repeats: int) -> Latency:
    return measure(
        module, inputs, runtime=runtime, threads=threads, warmup=10, repeats=repeats, max_seconds=_MAX_SECONDS
    )


def _protocol(overhead: Latency, repeats: int) -> Protocol:
    return Protocol(
        runtime=overhead.runtime,
        version=overhead.version,
        device=overhead.device,
        flags=overhead.flags,
        threads=overhead.threads,
        batch=overhead.batch,
        repeats=repeats,
        overhead_ms=overhead.ms,
        date=overhead.date,
    )


def _nothing() -> fx.GraphModule:
    graph = fx.Graph()
    graph.output(graph.placeholder("x"))
    return fx.GraphModule({}, graph)


def _net(latency: Latency, protocol: Protocol) -> float:
    return max(0.0, latency.ms - protocol.overhead_ms)


def _report(progress: Callable[[int, int], None] | None, done: int, todo: int) -> None:
    if progress is not None:
        progress(done, todo)
