"""What `search` and `run` share: a checked recipe, a folder, progress, and the answer in words."""

from __future__ import annotations

import argparse
import datetime
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from archwright import __version__
from archwright.cli._clock import clock
from archwright.cli._table import as_json, cell

if TYPE_CHECKING:
    from archwright.run import Config

_UNITS = {"params": "parameters", "flops": "FLOPs", "latency_ms": "ms", "size": "bytes", "memory": "bytes at the peak"}


def execute(config: Config, args: argparse.Namespace) -> int:
    """Run a checked configuration in `args.out` (or a new folder), showing progress; the same folder again continues.

    Raises:
        KeyboardInterrupt: stopped by the user or by SIGTERM; carries the command that continues.
    """
    from archwright.cli._progress import shown
    from archwright.run import execute as run

    folder = Path(args.out) if args.out else _new_folder(config.data)
    stream = sys.stderr if args.json else sys.stdout
    print(f"archwright {__version__} | {_device()} | {folder}", file=stream, flush=True)
    progress = shown(stream)
    result = None
    try:
        with _terminated_like_interrupted():
            result = run(config, folder, progress=progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_again(args, folder)) from None
    finally:
        progress.close(finished=result is not None)
    print(as_json(result) if args.json else summary(result, folder))
    return 0


def summary(result: Mapping[str, Any], folder: Path) -> str:
    """The chosen network in a few lines; the last one is where to look.

    Args:
        result: content of `result.json`.
        folder: of the run.
    """
    architecture = result.get("architecture") or {}
    scores = [
        f"{part} {name} {cell(value)}{' %' if name == 'accuracy' else ''}"
        for part in ("test", "valid")
        for name, value in (result.get(part) or {}).items()
        if isinstance(value, int | float)
    ]
    costs = [
        f"{cell(value)} {unit}" for name, unit in _UNITS.items() if (value := number(result.get(name))) is not None
    ]
    limits = [
        f"{name} {cell(number(result.get(name)))} of at most {cell(limit)}"
        for name, limit in (result.get("limits") or {}).items()
    ]
    lines = [
        "chosen network: " + ", ".join(f"{name}={value}" for name, value in architecture.items())
        if architecture
        else "",
        "  " + ", ".join(scores) if scores else "",
        "  " + ", ".join(costs) if costs else "",
        "  limits met: " + ", ".join(limits) if limits else "",
        f"  {clock(result['seconds'])} in all" if isinstance(result.get("seconds"), int | float) else "",
    ]
    report = folder / "report.html"
    lines.append(f"report: {report}" if report.is_file() else f"run folder: {folder}")
    return "\n".join(line for line in lines if line)


def number(value: Any) -> float | None:
    """A metric of a result: a number, or a record of a measurement with its median."""
    if isinstance(value, Mapping):
        value = value.get("median_ms")
    return value if isinstance(value, int | float) else None


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Options of every command that runs a recipe."""
    parser.add_argument(
        "--out", metavar="FOLDER", help="run folder (default: runs/<time>-<data>); the same folder again continues"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON, progress on standard error")


def _new_folder(data: str) -> Path:
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{now}-{Path(data).stem or 'data'}"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"cpu, {torch.get_num_threads()} threads"


def _again(args: argparse.Namespace, folder: Path) -> str:
    """The command line that continues this run."""
    return shlex.join(["archwright", *args.words, *([] if args.out else ["--out", str(folder)])])


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM, which batch systems send, stops a run as cleanly as Ctrl-C."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
