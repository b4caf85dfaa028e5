"""`archwright compare RUN RUN ...`: finished runs side by side."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from archwright.cli._parser import Commands
from archwright.cli._table import as_json, cell, table

_COLUMNS = {
    "run": "run",
    "data": "data",
    "recipe": "recipe",
    "seed": "seed",
    "test": "test %",
    "interval": "95 % interval",
    "valid": "valid %",
    "params": "parameters",
    "flops": "FLOPs",
    "latency_ms": "ms",
    "size": "bytes",
    "limits": "limits",
    "seconds": "seconds",
    "trials": "trials",
}
_MEANS = {"test": "test %", "valid": "valid %", "params": "parameters", "latency_ms": "ms", "seconds": "seconds"}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "compare",
        _compare,
        about="Compare finished runs; runs that differ only in the seed are also shown as mean and deviation.",
        detail="The interval of a test accuracy speaks of the test samples alone; the mean over seeds, of the rest.",
        examples=("archwright compare runs/first runs/second", "archwright compare runs/seed-* --json"),
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help="run folders")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def _compare(args: argparse.Namespace) -> int:
    from archwright.run import compare

    found = compare(args.runs)
    print(as_json(found) if args.json else "\n\n".join(_parts(found)))
    return 0


def _parts(found: Mapping[str, Any]) -> Iterator[str]:
    runs = found["runs"]
    yield table(list(_COLUMNS.values()), [_row(run) for run in runs])
    if found["notes"]:
        yield "\n".join(f"note: {note}" for note in found["notes"])
    if found["groups"]:
        yield table(
            ("differ only in the seed", "n", *_MEANS.values()),
            [_group(group) for group in found["groups"]],
            title="mean ± standard deviation over seeds",
        )
    if found["settings"]:
        rows = [(name, *map(_setting, values)) for name, values in found["settings"].items()]
        yield table(("setting that differs", *(run["run"] for run in runs)), rows)


def _row(run: Mapping[str, Any]) -> list[Any]:
    interval = run["test_interval"]
    texts = {
        "interval": "-" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}",
        "limits": ", ".join(f"{name} {cell(limit)}" for name, limit in run["limits"].items()) or "none",
        "test": _percent(run["test"]),
        "valid": _percent(run["valid"]),
        "seconds": None if run["seconds"] is None else round(run["seconds"]),
    }
    return [texts.get(name, run.get(name)) for name in _COLUMNS]


def _group(group: Mapping[str, Any]) -> list[str]:
    mean, std = group["mean"], group["std"]
    name = f"{group['data']}, {group['recipe']}, seeds {', '.join(map(str, group['seeds']))}"
    numbers = [f"{cell(mean[key])} ± {cell(float(f'{std[key]:.2g}'))}" if key in mean else "-" for key in _MEANS]
    return [name, str(group["n"]), *numbers]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _setting(value: Any) -> str:
    return "default" if value in ({}, []) else cell(value)
