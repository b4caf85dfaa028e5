"""`archwright export RUN --format ...`: the network of a run as files."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from archwright.cli._parser import Commands
from archwright.errors import UserError

_FILES = {"onnx": ("model.onnx",), "torch": ("model.py", "model.safetensors", "architecture.json", "README.md")}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "export",
        _export,
        about="Write the network of a finished run as files that need no archwright.",
        detail="Each file is checked against the network before it is written.",
        examples=(
            "archwright export runs/first --format onnx --out digits.onnx",
            "archwright export runs/first --format torch --out digits/",
        ),
    )
    parser.add_argument("run_folder", metavar="RUN", help="run folder")
    parser.add_argument(
        "--format", choices=_FILES, required=True, help="onnx: one file; torch: model.py and safetensors"
    )
    parser.add_argument(
        "--out", metavar="PATH", help="file or folder to write (default: the folder of the run's network)"
    )


def _export(args: argparse.Namespace) -> int:
    from archwright import export
    from archwright.cli._exported import Exported

    found = Exported.find(args.run_folder)
    target = Path(args.out) if args.out else found.folder
    if args.format == "torch" and target.is_file():
        raise UserError(f"{target} is a file; --out takes a folder for --format torch")
    with tempfile.TemporaryDirectory() as scratch:
        written = export.save(
            export.load(found.folder),
            Path(scratch) / "best",
            example=(1, *found.shape),
            architecture=found.facts.get("architecture") or {},
            space=found.facts.get("space") or "",
            classes=found.classes,
        )
        for name in _FILES[args.format]:
            place = target if target.suffix == ".onnx" else target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(written.paths[name], place)
            print(f"{place}  {written.sizes[name]:,} bytes")
    agreement = written.onnx_agreement if args.format == "onnx" else written.source_agreement
    print(f"checked on {agreement.samples} inputs: logits differ by at most {agreement.max_abs:.1g}")
    return 0
