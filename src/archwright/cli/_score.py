"""`archwright score`: zero-cost scores of a network."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archwright.cli._parser import Commands
from archwright.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "score",
        _score,
        about="Zero-cost scores of a network: what one mini-batch says about it.",
        detail="The weights are scored as they are. The network of a run is scored on the data of the run.",
        examples=(
            "archwright score runs/first",
            "archwright score package.module:function --data digits --scores naswot,synflow --json",
        ),
    )
    parser.add_argument("model", metavar="MODEL_OR_RUN", help="run folder, or package.module:function")
    parser.add_argument("--data", help="data set whose training samples are looked at; needed without a run")
    parser.add_argument("--scores", metavar="A,B", help="which (default: all; params and flops always)")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def _score(args: argparse.Namespace) -> int:
    from archwright.cli._table import as_json, table
    from archwright.estimate import SCORES

    asked = [name.strip() for name in args.scores.split(",")] if args.scores else SCORES.names()
    for name in asked:
        SCORES.load(name)  # a wrong name is known before anything is loaded
    names = [*(n for n in dict.fromkeys(asked) if n not in ("params", "flops")), "params", "flops"]
    subject = _subject(args)
    rows = [_row(name, *subject) for name in names]
    if args.json:
        print(as_json(rows))
        return 0
    shown = [(r["score"], r["value"], r["seconds"], r["batch"], r["note"]) for r in rows]
    print(table(("score", "value", "seconds", "batch", ""), shown))
    return 0


def _row(name: str, network: nn.Module, x: Tensor, y: Tensor) -> dict[str, Any]:
    """One score with its time; one that cannot be had says why."""
    from archwright.estimate import SCORES

    score = SCORES.load(name)()
    x, y = x[: score.batch], y[: score.batch]
    value, note, started = None, "", time.perf_counter()
    try:
        value = score(network, x, y)
    except UserError as error:
        note = str(error)
    seconds = time.perf_counter() - started
    return {"score": name, "value": value, "seconds": seconds, "batch": len(x), "note": note}


def _subject(args: argparse.Namespace) -> tuple[nn.Module, Tensor, Tensor]:
    """The network and a batch as it takes it: raw for the network of a run, normalised for one of the user's own."""
    import torch

    from archwright import data
    from archwright.cli._subject import exported, made

    run = Path(args.model)
    if ":" in args.model and not run.exists():
        if not args.data:
            raise UserError(f"{args.model} needs data to be scored on: add --data digits, a folder, an .npz or a table")
        splits = data.load(args.data)
        network = made(args.model, splits)
    else:
        found = exported(run, args.data)
        network, splits = found.network, found.splits
    order = torch.randperm(len(splits.train), generator=torch.Generator().manual_seed(0))[:128]
    x, y = next(iter(splits.train.subset(order).batches(128)))
    return network, x, y
