"""What `quantize` and `prune` have in common."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from archwright import report
from archwright.cli._progress import shown
from archwright.cli._subject import subject
from archwright.cli._table import as_json, table
from archwright.errors import UserError
from archwright.run import Compressor, Member

Make = Callable[[Compressor, Member, Path | None], Member]
_COLUMNS = {
    "test_accuracy": "test accuracy", "sparsity": "sparsity", "size": "bytes", "onnx_size": "ONNX bytes",
    "latency_ms": "ms",
}  # fmt: skip


def compressing(args: argparse.Namespace, make: Make) -> int:
    """Compress the network that the options name, write it with its report, and say what came out."""
    out = Path(args.out) if args.out else None
    if out is not None and out.is_file():
        raise UserError(f"{out} is a file; --out takes a folder")
    found = subject(args)
    network, splits = found.whole()
    progress = shown(sys.stderr)
    compressor = Compressor(
        splits=splits,
        folder=(found.folder or Path()) / "compressed",
        seed=args.seed,
        tell=lambda what, done, total: progress.step(done, total, what),
    )
    dense = compressor.dense(network)
    member = make(compressor, dense, out)
    source = str(Path(found.source).resolve()) if Path(found.source).exists() else found.source
    data = {"data": splits.name, "source": source, "seed": found.seed, "fingerprint": splits.fingerprint}
    facts = {"model": args.model, **data, "dense": dict(dense.facts), **member.facts}
    folder = Path(str(member.facts["folder"]))
    (folder / "facts.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    (folder / "report.html").write_text(report.compression([dense.facts, member.facts], args.model), encoding="utf-8")
    print(as_json(facts) if args.json else _said(dense.facts, member.facts, folder))
    return 0


def _said(dense: Mapping[str, Any], member: Mapping[str, Any], folder: Path) -> str:
    rows = [[m["name"], *(m.get(key) for key in _COLUMNS)] for m in (dense, member)]
    lines = [table(("network", *_COLUMNS.values()), rows)]
    bits = Counter(layer["bits"] for layer in member["layers"] if layer.get("bits"))
    if bits:
        each = ", ".join(f"{b} in {n} layers" for b, n in sorted(bits.items(), reverse=True))
        lines.append(f"bits: {each}; {100 * member['bitops']:.2g} % of the bit operations of float32")
    int8 = member.get("int8")
    if int8:
        lines.append(f"int8 ONNX: test accuracy {int8['accuracy']:.2f} %")
    elif member.get("reason"):
        lines.append(f"no int8 ONNX: {member['reason']}")
    return "\n".join([*lines, f"written to {folder}/, with report.html and facts.json"])
