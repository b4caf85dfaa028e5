"""Twenty random limits on the main job: is any answer over its limit when its file is measured again?

Each run is a small search of `digits` with one to three limits drawn from the range of the space and below it. The
files of the answer are measured again: latency by `archwright measure` in a process of its own, parameters and FLOPs
on the loaded `model.py`. `python benchmarks/random_limits.py [runs]`; writes `benchmarks/results/random_limits.json`.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _measuring import write

from archwright import cost, export

RANGES = {
    "params": (700, 40_000),
    "flops": (25_000, 2_600_000),
    "latency_ms": (0.004, 0.12),
    "size": (5_000, 160_000),
}  # from half the smallest network of the space to a little above the largest
FLAGS = {"params": "--max-params", "flops": "--max-flops", "latency_ms": "--max-latency-ms", "size": "--max-size"}
SMALL = (
    "phases.train-supernet.trainer.epochs=6",
    "phases.search.baseline=false",
    "phases.train.trainer.epochs=4",
    "phases.train.refit=false",
    "phases.verify.networks=2",
    "phases.verify.trainer.epochs=1",
)
INFEASIBLE = 3


def drawn(rng: np.random.Generator) -> dict[str, float]:
    """One to three limits, each log-uniform in its range."""
    names = rng.choice(list(RANGES), rng.integers(1, 4), replace=False)
    return {name: float(f"{math.exp(rng.uniform(*np.log(RANGES[name]))):.3g}") for name in names}


def archwright(*words: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run([sys.executable, "-m", "archwright", *words], capture_output=True, text=True, check=False)


def tried(limits: dict[str, float], seed: int) -> dict[str, Any]:
    """One run, and what its answer measures."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        flags = [word for name, limit in limits.items() for word in (FLAGS[name], f"{limit:g}")]
        settings = [word for setting in SMALL for word in ("--set", setting)]
        done = archwright(
            "search", "digits", "--trials", "16", "--seed", str(seed), *flags, *settings, "--out", str(folder)
        )
        row: dict[str, Any] = {"seed": seed, "limits": limits, "exit": done.returncode}
        if done.returncode:
            return row | {"said": done.stderr.strip().splitlines()[-1]}
        result = json.loads((folder / "result.json").read_text())
        best = folder / "best"
        size = max((best / name).stat().st_size for name in ("model.onnx", "model.safetensors"))
        again = json.loads(archwright("measure", str(folder), "--json").stdout)
        module = export.load(best)
        row["measured"] = {
            "params": cost.params(module),
            "flops": cost.flops(module, (1, 1, 8, 8)),
            "latency_ms": again["median_ms"],
            "size": size,
        }
        row["reported_latency_ms"] = result["latency_ms"]
        row["broken"] = [name for name, limit in limits.items() if row["measured"][name] > limit]
        return row


def main(runs: int = 20) -> int:
    """Run, print, write the record; 1 if a limit is broken or a run failed."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(runs):
        rows.append(tried(drawn(rng), seed))
        print(json.dumps(rows[-1]), flush=True)
    failed = [row for row in rows if row.get("broken") or row["exit"] not in (0, INFEASIBLE)]
    met = sum(row["exit"] == 0 for row in rows)
    print(f"{met} answers, {runs - met} without, {len(failed)} broken or failed")
    write("random_limits", {"runs": rows, "answers": met, "failed": len(failed)})
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
