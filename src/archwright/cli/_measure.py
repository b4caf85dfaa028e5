"""`archwright measure`: time of a network, or of a whole space, on this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from archwright.cli._parser import Commands, positive
from archwright.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from archwright.cost import Latency, LatencyTable

_NETWORKS = 16  # as a run times, for a fit with its correlation


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "measure",
        _measure,
        about="Time a network on this machine, or the operations of a space.",
        detail="With --space: time the operations of a space for a data set into a table that predicts latencies.",
        examples=(
            "archwright measure runs/first",
            "archwright measure model.onnx --threads 2 --repeats 200 --json",
            "archwright measure --space convnet --data digits --table laptop.json",
        ),
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help="run folder or .onnx file")
    parser.add_argument("--runtime", choices=("torch", "onnxruntime"), help="default: onnxruntime")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="threads of the runtime (default: 1)")
    parser.add_argument("--repeats", type=positive, default=50, metavar="N", help="samples to keep (default: 50)")
    parser.add_argument("--space", help="search space ('archwright ls spaces')")
    parser.add_argument("--data", help="data set whose sizes the space is built for")
    parser.add_argument("--table", metavar="FILE", help="table to write")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def _measure(args: argparse.Namespace) -> int:
    if args.space or args.data or args.table:
        return _table(args)
    if args.model is None:
        raise UserError("measure what? Give a run folder or an .onnx file, or --space, --data and --table")
    from archwright.cli._table import as_json, cell, table

    record = _latency(args).to_dict()
    if args.json:
        print(as_json(record))
        return 0
    rows = [(name, " ".join(value) if isinstance(value, list) else cell(value)) for name, value in record.items()]
    print(f"{cell(record['median_ms'])} ms, median of {record['repeats']} samples of {args.model}")
    print(table(("", ""), rows).lstrip("\n "))
    return 0


def _latency(args: argparse.Namespace) -> Latency:
    from archwright import cost, export
    from archwright.cli._exported import Exported, onnx_shape

    settings = {"threads": args.threads, "repeats": args.repeats}
    file = Path(args.model)
    if file.suffix == ".onnx":
        if args.runtime == "torch":
            raise UserError(f"{file} is an ONNX file; --runtime torch takes a run folder")
        return cost.onnx_latency(file, (1, *onnx_shape(file)), **settings)
    found = Exported.find(file)
    shape = (1, *found.shape)
    if args.runtime == "torch":
        return cost.latency(export.load(found.folder), shape, **settings)
    return cost.onnx_latency(found.folder / "model.onnx", shape, **settings)


def _table(args: argparse.Namespace) -> int:
    if args.model or not (args.space and args.data and args.table):
        raise UserError("a table of a space takes --space, --data and --table, and no MODEL")
    import numpy as np

    from archwright import data, zoo
    from archwright.supernet import spread

    splits = data.load(args.data)
    net = zoo.build_for(splits, args.space)
    modules = [net.extract(arch).eval() for arch in spread(net.space, _NETWORKS, np.random.default_rng(0))]
    table = _timed(modules, splits.input_shape, args)
    table.save(args.table)
    if args.json:
        print(Path(args.table).read_text(encoding="utf-8"), end="")
        return 0
    fit, protocol = table.fit, table.protocol
    print(f"{len(table.entries)} operations of {args.space} for {args.data} in {protocol.runtime} on {protocol.device}")
    print(f"median error {100 * fit.error:.1f} %, tau {fit.tau:.2f} on {fit.networks} networks measured whole")
    print(f"table: {args.table}")
    return 0


def _timed(modules: list[nn.Module], shape: tuple[int, ...], args: argparse.Namespace) -> LatencyTable:
    from archwright.cli._progress import shown
    from archwright.cost import LatencyTable

    progress = shown(sys.stderr if args.json else sys.stdout)
    progress.phase(f"measure {args.space}", 1, 1)
    table = None
    try:
        table = LatencyTable.build(
            modules,
            shape,
            runtime=args.runtime or "onnxruntime",
            threads=args.threads,
            repeats=args.repeats,
            progress=lambda done, total: progress.step(done, total, "measurements"),
        )
    finally:
        progress.close(finished=table is not None)
    return table
