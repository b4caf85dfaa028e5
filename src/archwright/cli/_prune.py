"""`archwright prune`: a trained network with fewer weights."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from archwright.cli._parser import Commands, positive
from archwright.errors import UserError

if TYPE_CHECKING:
    from archwright.train import Trainer


def add(commands: Commands) -> None:
    """Add the command."""
    from archwright.cli._subject import add_options

    parser = commands.add(
        "prune",
        _prune,
        about="Prune a trained network, and measure what it costs and saves.",
        detail="Only 'structured' makes a network smaller and faster; the others set single weights to zero.",
        examples=(
            "archwright prune runs/first --sparsity 0.9",
            "archwright prune runs/first --sparsity 0.5 --method structured --epochs 20",
            "archwright prune mine:resnet20 --weights r20.safetensors --data cifar10 --sparsity 0.9 --method jackpots",
        ),
    )
    add_options(parser, "--data")
    parser.add_argument("--sparsity", type=float, required=True, metavar="S", help="share that is removed, in [0, 1)")
    parser.add_argument("--method", default="magnitude", metavar="NAME", help=f"{', '.join(_METHODS)}")
    parser.add_argument("--scope", choices=("global", "layer"), help="default: global, of channels layer")
    parser.add_argument("--keep-classifier", action="store_true", help="leave the last linear layer dense")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="of training (default: the method's own, or 20 after it)"
    )
    parser.add_argument("--lr", type=float, metavar="F", help="learning rate of the training")
    parser.add_argument("--batch-size", type=positive, metavar="N", help="of the training")
    parser.add_argument("--distil", action="store_true", help="train on what the unpruned network says, too")
    parser.add_argument("--out", metavar="FOLDER", help="where to write (default: RUN/compressed, or compressed/)")
    parser.add_argument("--json", action="store_true", help="machine-readable")


_METHODS = (
    "magnitude", "lamp", "taylor", "random", "layer-random", "gradual", "iterative", "learning-rate-rewinding",
    "structured", "prac", "jackpots", "edge-popup",
)  # fmt: skip


def _prune(args: argparse.Namespace) -> int:
    from archwright.cli._compressing import compressing
    from archwright.run import Prune

    settings = Prune(
        method=args.method,
        sparsity=args.sparsity,
        scope=args.scope,
        classifier=not args.keep_classifier,
        trainer=_trainer(args),
        distil=args.distil,
    )
    return compressing(args, lambda compressor, dense, folder: compressor.pruned(dense, settings, folder=folder))


def _trainer(args: argparse.Namespace) -> Trainer | None:
    """What the options say of training; None: the method's own, or none at all."""
    from archwright.compress import PRUNERS
    from archwright.train import Trainer

    given = {"epochs": args.epochs, "lr": args.lr, "batch_size": args.batch_size}
    given = {name: value for name, value in given.items() if value is not None}
    trains = args.method not in PRUNERS or PRUNERS[args.method].needs == "splits"
    if args.epochs == 0 or (trains and not given):
        if trains and args.epochs == 0:
            raise UserError(f"{args.method} trains, so --epochs must be at least 1")
        return None
    return Trainer(**{"epochs": 20, "lr": 0.1 if trains else 0.02, **given})
