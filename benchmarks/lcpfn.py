"""How well `PriorFitted` and the others foretell curves of the LC-PFN prior: coverage, log density, error, time.

200 curves of the prior with noise: the first 20 of 100 epochs are seen, the value at epoch 100 (with its noise) is the
truth. `python benchmarks/lcpfn.py [CHECKPOINT [COUNT]]` keeps the slow ones in the checkpoint (JSON lines), goes on
from there and writes `benchmarks/results/lcpfn.json`. About 15 minutes on one core, all but seconds for the chains.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _measuring import write

from archwright.estimate.extrapolate import (
    CurveEnsemble,
    Extrapolator,
    LastValue,
    LeastSquares,
    PriorFitted,
    prior_curves,
)
from archwright.statistics import bootstrap, wilson

COUNT, SEEN, LENGTH, SEED = 200, 20, 100, 2
THREE = ("pow3", "ilog2", "janoschek")
METHODS: dict[str, type[Extrapolator]] = {
    "prior-fitted": PriorFitted,
    "last value": LastValue,
    "least squares": LeastSquares,
    "ensemble of 3": CurveEnsemble,
    "ensemble of 11": CurveEnsemble,
}
CURVES = {"ensemble of 11": 20}  # fewer, for it is the slowest
SETTINGS: dict[str, dict[str, Any]] = {
    "ensemble of 3": {"families": THREE, "cut": False, "recency": False},
    "ensemble of 11": {"cut": False},
}


def judged(method: Extrapolator, curve: np.ndarray) -> dict[str, float]:
    """One curve: whether the interval of 90 % holds the truth, and so on."""
    start = time.process_time()
    found = method.predict(curve[:SEEN], LENGTH)
    low, high = found.interval(0.9)
    seconds = time.process_time() - start
    truth = float(curve[-1])
    return {
        "inside": float(low <= truth <= high),
        "below": float(truth < low),
        "width": high - low,
        "log_density": found.log_density(truth),
        "error": abs(found.mean - truth),
        "seconds": seconds,
    }


def run(checkpoint: Path | None, curves: np.ndarray) -> dict[str, list[dict[str, float]]]:
    """All methods on all curves, the chains from the checkpoint where it has them."""
    kept: dict[tuple[str, int], dict[str, float]] = {}
    if checkpoint and checkpoint.exists():
        for line in checkpoint.read_text().splitlines():
            name, number, row = json.loads(line)
            kept[name, number] = row
    found: dict[str, list[dict[str, float]]] = {}
    for name, kind in METHODS.items():
        slow, method = name in SETTINGS, kind(**SETTINGS.get(name, {}))
        method.predict(curves[0, :SEEN], LENGTH)
        some = curves[: CURVES.get(name, len(curves))]
        for number, curve in enumerate(some):
            if not slow or (name, number) not in kept:
                kept[name, number] = judged(method, curve)
                if slow and checkpoint:
                    with checkpoint.open("a", encoding="utf-8") as file:
                        file.write(json.dumps([name, number, kept[name, number]]) + "\n")
        found[name] = [kept[name, number] for number in range(len(some))]
    return found


def summary(rows: list[dict[str, float]]) -> dict[str, Any]:
    """Means over curves, with 95 % intervals where they decide."""
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    inside = int(columns["inside"].sum())
    return {
        "curves": len(rows),
        "coverage_90": round(inside / len(rows), 4),
        "coverage_interval": [round(x, 4) for x in wilson(inside / len(rows), len(rows))],
        "truth_below": round(float(columns["below"].mean()), 4),
        "median_width": round(float(np.median(columns["width"])), 4),
        "log_density": round(float(columns["log_density"].mean()), 4),
        "median_log_density": round(float(np.median(columns["log_density"])), 4),
        "error": round(float(columns["error"].mean()), 4),
        "median_ms": round(1e3 * float(np.median(columns["seconds"])), 2),
        "slowest_ms": round(1e3 * float(columns["seconds"].max()), 2),
    }


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    checkpoint = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    count = int(sys.argv[2]) if len(sys.argv) > 2 else COUNT
    curves = prior_curves(count, np.random.default_rng(SEED), length=LENGTH)[1]
    found = run(checkpoint, curves)
    ours = np.array([row["log_density"] for row in found["prior-fitted"]])
    ahead = {}
    for name in SETTINGS:
        theirs = np.array([row["log_density"] for row in found[name]])
        difference = ours[: len(theirs)] - theirs
        ahead[name] = {
            "mean": round(float(difference.mean()), 4),
            "interval": [round(x, 4) for x in bootstrap(lambda d: float(np.mean(d)), difference)],
            "median": round(float(np.median(difference)), 4),
            "share_ahead": round(float((difference > 0).mean()), 4),
        }
    rows = {name: summary(each) for name, each in found.items()}
    print(json.dumps({**rows, "ahead": ahead}, indent=1))
    about = {"curves": count, "seen": SEEN, "length": LENGTH, "seed": SEED, "chains": "2500 steps, 500 burnt in"}
    print(write("lcpfn", {**about, "methods": rows, "prior_fitted_ahead_in_log_density": ahead}))


if __name__ == "__main__":
    main()
