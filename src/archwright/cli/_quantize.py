"""`archwright quantize`: a trained network with fewer bits."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from archwright.cli._parser import Commands, positive

if TYPE_CHECKING:
    from archwright.run import Compressor, Member


def add(commands: Commands) -> None:
    """Add the command."""
    from archwright.cli._subject import add_options

    parser = commands.add(
        "quantize",
        _quantize,
        about="Quantise a trained network with a small calibration set, and measure what it costs and saves.",
        detail="Writes packed codes, a torch.export program, int8 ONNX where the grids allow it, float ONNX and\n"
        "a report; 'archwright deploy-check FOLDER' compares them.",
        examples=(
            "archwright quantize runs/first --bits 8 --method minmax",
            "archwright quantize runs/first --bits 3 --size 0.15 --method advanced",
            "archwright quantize mine:resnet20 --weights r20.safetensors --calib cifar10 --bits 4 --out r20-w4",
        ),
    )
    add_options(parser, "--calib")
    parser.add_argument("--bits", type=int, default=8, metavar="B", help="of weights and activations (default: 8)")
    parser.add_argument("--activation-bits", type=int, metavar="B", help="of activations (default: as the weights)")
    parser.add_argument("--ends", type=_ends, default=8, metavar="B", help="of first and last layer (8), or 'same'")
    parser.add_argument(
        "--size", type=float, metavar="F", help="fraction of the float32 size: bits by layer, at least B"
    )
    parser.add_argument("--bitops", type=float, metavar="F", help="the same for bit operations")
    parser.add_argument("--latency", type=float, metavar="MS", help="the same for the sum of --latencies")
    parser.add_argument("--latencies", metavar="FILE", help="JSON of your device: {layer: {bits: milliseconds}}")
    parser.add_argument(
        "--method", default="adaquant", metavar="NAME", help=f"{', '.join(_METHODS)} (default: adaquant)"
    )
    parser.add_argument("--samples", type=positive, default=1000, metavar="N", help="for calibration (default: 1000)")
    parser.add_argument("--out", metavar="FOLDER", help="where to write (default: RUN/compressed, or compressed/)")
    parser.add_argument("--json", action="store_true", help="machine-readable")


_METHODS = (
    "minmax", "percentile", "mse", "light", "adaquant-parallel", "adaquant", "advanced", "nupes-data-free", "nupes",
)  # fmt: skip


def _quantize(args: argparse.Namespace) -> int:
    from archwright.cli._compressing import compressing
    from archwright.run import Quantize

    settings = Quantize(
        method=args.method,
        bits=args.bits,
        activation_bits=args.activation_bits,
        ends=args.ends,
        size=args.size,
        bitops=args.bitops,
        latency=args.latency,
        latencies=args.latencies,
        samples=args.samples,
    )

    def make(compressor: Compressor, dense: Member, folder: Path | None) -> Member:
        found = compressor.quantised(dense, settings, folder=folder)
        compressor.original(dense, Path(found.facts["folder"]))
        return found

    return compressing(args, make)


def _ends(text: str) -> int | None:
    if text == "same":
        return None
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number of bits or 'same', got {text!r}")
    return int(text)
