"""`archwright profile DATA`: what a space offers against the limits, before any training."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from archwright.cli._parser import Commands, positive
from archwright.cli._request import DATA, LIMITS, add_data, add_limits, add_settings, config
from archwright.cli._table import as_json, cell, table
from archwright.errors import Infeasible

_COSTS = {
    "params": "parameters",
    "flops": "FLOPs",
    "size": "file, bytes",
    "memory": "peak memory, bytes",
    "predicted_latency_ms": "predicted ms",
    "latency_ms": "measured ms",
}
_FLAGS = {metric: f"--{flag.replace('_', '-')}" for flag, (metric, _, _) in LIMITS.items()}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "profile",
        _profile,
        about="What a space offers for a data set against the limits, before any training.",
        detail=f"{DATA}\nLimits that no network meets: the nearest ones that can be met, and exit code 3.",
        examples=(
            "archwright profile digits --max-params 30k",
            "archwright profile photos/ --max-latency-ms 5 --table laptop.json",
            "archwright profile table.csv --label species --space mlp --max-size 20KB --json",
        ),
    )
    add_data(parser)
    add_limits(parser)
    parser.add_argument(
        "--samples", type=positive, default=64, metavar="N", help="random architectures to look at (default: 64)"
    )
    parser.add_argument(
        "--table",
        metavar="FILE",
        help="predict latencies from this table ('archwright measure --space'); default: measure one if needed",
    )
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable")


def _profile(args: argparse.Namespace) -> int:
    from archwright.cli._progress import shown
    from archwright.run import profile

    request = config(args)
    progress = shown(sys.stderr)
    try:
        found = profile(request, samples=args.samples, table=args.table, progress=progress)
    finally:
        progress.close(finished=True)
    print(as_json(found) if args.json else "\n\n".join(_parts(found)))
    if not found["together"]["met"]:
        raise Infeasible(_missed(found))
    return 0


def _parts(found: Mapping[str, Any]) -> Iterator[str]:
    space = found["space"]
    size = "infinitely many" if space["size"] is None else f"{space['size']:,}"
    yield f"space {space['name']} for {found['data']['name']}: {size} architectures"
    yield _networks(found) + _latency_note(found)
    if found["limits"]:
        yield _limits(found)
    rows = [(v["name"], _options(v["options"]), _when(v["when"])) for v in found["variables"]]
    yield table(("variable", "options", "only if"), rows)


def _networks(found: Mapping[str, Any]) -> str:
    networks = found["networks"]
    shown = [name for name in _COSTS if name in networks["smallest"]]
    rows = [
        (name, *(network[cost] for cost in shown), *network["ratios"].values()) for name, network in networks.items()
    ]
    ratios = [f"of {name} limit" for name in found["limits"]]
    return table(("network", *(_COSTS[name] for name in shown), *ratios), rows)


def _latency_note(found: Mapping[str, Any]) -> str:
    protocol, prediction = found["protocol"], found["prediction"]
    lines = []
    if protocol:
        runtime, device = f"{protocol['runtime']} {protocol['version']}", protocol["device"]
        busy = "; the machine was busy: upper bounds" if protocol["contended"] else ""
        lines.append(f"measured in {runtime} on {device}, threads: {protocol['threads']}{busy}")
    if prediction:
        error, networks = 100 * prediction["error"], prediction["networks"]
        lines.append(f"predictions: median error {error:.1f} % on {networks} networks measured whole")
    return "".join(f"\n{line}" for line in lines)


def _limits(found: Mapping[str, Any]) -> str:
    rows = [
        (name, cell(limit["limit"]), _verdict(limit), f"{100 * limit['share']:.0f} %", cell(limit["least"]))
        for name, limit in found["limits"].items()
    ]
    together = found["together"]
    if len(rows) > 1:
        rows.append(("all together", "", _verdict(together), f"{100 * together['share']:.0f} %", ""))
    share = f"met by, of {found['samples']} random"
    return table(("limit", "at most", "can be met", share, "least found"), rows)


def _verdict(limit: Mapping[str, Any]) -> str:
    return "yes" if limit["met"] else "NO"


def _options(options: Any) -> str:
    return options if isinstance(options, str) else ", ".join(map(str, options))


def _when(terms: list[Mapping[str, list[Any]]]) -> str:
    return " or ".join(
        " and ".join(f"{parent} is {_options(values)}" for parent, values in term.items()) for term in terms
    )


def _missed(found: Mapping[str, Any]) -> str:
    together, limits = found["together"], found["limits"]
    nearest = dict(together["nearest"])
    architecture = nearest.pop("architecture")
    costs = {name: nearest.get(f"predicted_{name}", nearest.get(name)) for name in limits}
    misses = [
        f"{name} {cell(costs[name])} instead of at most {cell(limit['limit'])}"
        for name, limit in limits.items()
        if costs[name] > limit["limit"]
    ]
    suggested = " ".join(_flag(name, value) for name, value in together["suggested"].items())
    return (
        f"no network meets the limits; the nearest has {', '.join(misses)}: {json.dumps(architecture)}; "
        f"limits that can be met: {suggested}"
    )


def _flag(name: str, value: float) -> str:
    """A limit as one types it, never below `value`."""
    whole = math.ceil(value)
    text = str(whole) if name != "latency_ms" else f"{math.ceil(value * 1e4) / 1e4:g}"
    return f"{_FLAGS[name]} {text}" if name in _FLAGS else f"--set limits.{name}={text}"
