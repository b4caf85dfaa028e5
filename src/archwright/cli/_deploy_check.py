"""`archwright deploy-check`: does a written network do on the runtime what it is said to do?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archwright.cli._parser import Commands, positive
from archwright.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from archwright.export import Agreement, Checked

_FILES = ("model.onnx", "model.int8.onnx", "model.pt2")
_COLUMNS = (
    "file",
    "kind",
    "bytes",
    "of float",
    "ms",
    "speed-up",
    "max diff",
    "dB",
    "same answer",
    "as float",
    "accuracy",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "deploy-check",
        _deploy_check,
        about="Run exported networks where they will be used: outputs, operators, size, latency.",
        detail="Of a run, the answer and all its compressed forms. Float files are held against PyTorch, int8 files\n"
        "against the simulated network (the .pt2 beside them); size, time and answers against the float file.\n"
        "The exit code is 1 if something is wrong.",
        examples=(
            "archwright deploy-check runs/first",
            "archwright deploy-check compressed/adaquant-w8a8",
            "archwright deploy-check model.int8.onnx --against model.onnx --data samples.npz --json",
        ),
    )
    parser.add_argument(
        "file", metavar="FILE_OR_RUN", help="run folder, folder of an export, .onnx file, or .pt2 program"
    )
    parser.add_argument(
        "--against", metavar="FILE", help="float .onnx file to compare with (default: model.onnx beside, or the run's)"
    )
    parser.add_argument(
        "--data", help="data set, folder or .npz with raw values (default: those of the run, or random)"
    )
    parser.add_argument(
        "--samples", type=positive, default=256, metavar="N", help="inputs to compare on (default: 256)"
    )
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="threads of the runtime (default: 1)")
    parser.add_argument("--repeats", type=positive, default=50, metavar="N", help="samples of the time (default: 50)")
    parser.add_argument("--trust", action="store_true", help="read any .pt2: runs code of whoever made it")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def _deploy_check(args: argparse.Namespace) -> int:
    from archwright.cli._table import as_json

    place = Path(args.file)
    files = _files(place)
    against = Path(args.against) if args.against else None
    if against is not None and not against.is_file():
        raise UserError(f"no file {str(against)!r}")
    about, x, y = _inputs(args, place, files[0])
    found = [_checked(file, x, y, args, against, trusted=place.is_dir()) for file in files]
    failures = [f"{_name(c.file, place)}: {sentence}" for c in found for sentence in c.failures]
    if args.json:
        print(
            as_json({"inputs": about, "samples": len(x), "files": [c.to_dict() for c in found], "failures": failures})
        )
    else:
        print(_said(found, place, about, failures))
    return 1 if failures else 0


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        if not place.is_file():
            raise UserError(f"no file or folder {str(place)!r}")
        if place.suffix.lower() not in (".onnx", ".pt2"):
            raise UserError(f"{place} is of no known kind; give a run folder, an .onnx file or a .pt2 program")
        return [place]
    folders = [place / "best" if (place / "best").is_dir() else place, *sorted((place / "compressed").glob("*/"))]
    found = [folder / name for folder in folders for name in _FILES if (folder / name).is_file()]
    if not found:
        raise UserError(f"nothing to check in {place}: no {', '.join(_FILES)} there, in best/ or in compressed/")
    return found


def _checked(
    file: Path, x: Tensor, y: Tensor | None, args: argparse.Namespace, against: Path | None, *, trusted: bool
) -> Checked:
    from archwright import export

    return export.deploy_check(
        file,
        x,
        y,
        network=_network(file, trusted=trusted, trust=args.trust),
        original=against or _original(file),
        threads=args.threads,
        repeats=args.repeats,
        trust=args.trust,
    )


def _network(file: Path, *, trusted: bool, trust: bool) -> nn.Module | None:
    """What a file was written from: the simulated network beside an int8 file; the code beside a float one, which is
    run only where a folder was named."""
    from archwright import export
    from archwright.export._deploy_check import kind_of, simulated

    kind = kind_of(file)
    if kind in ("int8", "int4"):
        program = file.with_name(file.name.removesuffix(".onnx").removesuffix(".int8") + ".pt2")
        return simulated(program, trust=trust) if program.is_file() else None
    beside = all((file.parent / name).is_file() for name in ("model.py", "model.safetensors"))
    return export.load(file.parent) if kind == "float" and trusted and beside and file.name == "model.onnx" else None


def _original(file: Path) -> Path | None:
    """The float file that belongs to a file."""
    stem = file.name.removesuffix(".onnx").removesuffix(".pt2").removesuffix(".int8")
    beside = file.with_name(f"{stem}.onnx")
    of_run = file.parent.parent.parent / "best" / "model.onnx" if file.parent.parent.name == "compressed" else None
    for candidate in (beside, of_run):
        if candidate is not None and candidate.is_file() and candidate != file:
            return candidate
    return None


def _inputs(args: argparse.Namespace, place: Path, file: Path) -> tuple[str, Tensor, Tensor | None]:
    """What the inputs are, the inputs, and their classes where they are known."""
    import torch

    from archwright import data
    from archwright.run import opened

    run = next((p for p in (place, *place.resolve().parents[:3]) if (p / "config.yaml").is_file()), None)
    if args.data:
        bare = _unlabelled(Path(args.data))
        if bare is not None:
            return args.data, bare[: args.samples], None
        splits = data.load(args.data)
    elif run is not None and (run / "result.json").is_file():
        splits = opened(run).splits()
    elif (known := _of_facts(file.parent)) is not None:
        splits = known
    else:
        low, high = _range(place, file)
        x = torch.rand(min(args.samples, 64), *_shape(file, args.trust), generator=torch.Generator().manual_seed(0))
        return f"random inputs from {low:g} to {high:g}; --data names better ones", low + (high - low) * x, None
    part = splits.test if len(splits.test) else splits.train
    rows = part.x[: args.samples]
    return f"test samples of {splits.name}", torch.as_tensor(rows).float(), part.y[: args.samples]


def _unlabelled(file: Path) -> Tensor | None:
    """The array `x` of an .npz file without `y`."""
    import numpy as np
    import torch

    if file.suffix.lower() != ".npz" or not file.is_file():
        return None
    try:
        with np.load(file, allow_pickle=False) as stored:
            if "y" in stored or "x" not in stored:
                return None
            return torch.from_numpy(np.asarray(stored["x"], dtype=np.float32))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None


def _of_facts(folder: Path) -> Any:
    """The data that `facts.json` of a compressed network names, if they are still there."""
    from archwright import data

    file = folder / "facts.json"
    facts = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    source = facts.get("source") or facts.get("data")
    if source not in data.names() and not (source and Path(source).exists()):
        return None
    found = data.load(source, seed=int(facts.get("seed", 0)))
    return found if facts.get("fingerprint", found.fingerprint) == found.fingerprint else None


def _range(place: Path, file: Path) -> tuple[float, float]:
    """Least and largest raw value, as the exported network tells it."""
    folders = (place / "best", file.parent, file.parent.parent.parent / "best")
    known = next((f for folder in folders if (f := folder / "architecture.json").is_file()), None)
    facts = {} if known is None else json.loads(known.read_text(encoding="utf-8"))
    low, high = facts.get("input_range") or (-1.0, 1.0)
    return float(low), float(high)


def _shape(file: Path, trust: bool) -> tuple[int, ...]:
    from archwright.cli._exported import onnx_shape
    from archwright.export._deploy_check import program_shape

    return onnx_shape(file) if file.suffix.lower() == ".onnx" else program_shape(file, trust=trust)


def _name(file: Path, place: Path) -> str:
    return str(file.relative_to(place)) if place.is_dir() else file.name


def _said(found: list[Checked], place: Path, about: str, failures: list[str]) -> str:
    from archwright.cli._table import table

    rows = [_row(checked, place) for checked in found]
    shown = [i for i in range(len(_COLUMNS)) if any(row[i] is not None for row in rows)]
    samples = next((c.agreement or c.float_agreement for c in found if c.agreement or c.float_agreement), None)
    lines = [table([_COLUMNS[i] for i in shown], [[row[i] for i in shown] for row in rows])]
    lines.append(f"compared on {samples.samples} {about}" if samples else f"run on {about}")
    if any(checked.contended for checked in found):
        lines.append("the machine was busy: the times say little")
    for checked in found:
        if checked.operators is not None:
            lines += ["", f"{_name(checked.file, place)}: {_operators(checked)}"]
        if checked.asymmetric:
            lines.append(
                f"{checked.asymmetric} layers have uint8 weights with zero points, for which there is no fast kernel; "
                "symmetric weights have one"
            )
    lines += ["", *(f"failed: {sentence}" for sentence in failures)] if failures else ["", "all checks passed"]
    return "\n".join(lines)


def _row(checked: Checked, place: Path) -> list[Any]:
    own, as_float = checked.agreement, checked.float_agreement
    return [
        _name(checked.file, place),
        checked.kind,
        checked.size,
        _percent(checked.size / checked.float_size) if checked.float_size else None,
        checked.latency_ms,
        f"{checked.speed_up:.2f}x" if checked.speed_up else None,
        None if own is None else own.max_abs,
        None if own is None or own.sqnr_db is None else own.sqnr_db,
        _answers(own),
        _answers(as_float),
        checked.accuracy,
    ]


def _answers(agreement: Agreement | None) -> str | None:
    return None if agreement is None else _percent(agreement.argmax_agreement)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _operators(checked: Checked) -> str:
    run = checked.operators
    assert run is not None
    text = ", ".join(f"{name} {count}" for name, count in run.counts.items())
    if run.islands:
        islands = ["+".join(island) for island in run.islands]
        shown = [i if len(i) <= 60 else f"{i[:57]}..." for i in dict.fromkeys(islands)]
        text += (
            f"; {len(islands)} in floats between integers: {', '.join(shown[:4])}{', ...' if len(shown) > 4 else ''}"
        )
    return text
