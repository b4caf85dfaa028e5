"""From how many curves on `LcSVR` ranks networks better than the last value does.

Rank correlation with the final value from a quarter of the epochs, of `LcSVR` by its number of training curves and of
the last value, on random splits into training and test networks. Networks of two kinds: the convolutional ones on
Fashion-MNIST recorded by `training_speed.py` (20 epochs, validation accuracy), and the recurrent ones of NAS-Bench-NLP
(WikiText-2, 50 epochs, minus the validation loss; runs that failed are left out). `LcSVR` tries 200 settings in place
of 1000.

`ARCHWRIGHT_DATA=... python benchmarks/curve_regression.py CURVES` writes `results/curve_regression.json`. A few
minutes on one core.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from _measuring import write

from archwright.estimate.extrapolate import LcSVR
from archwright.statistics import spearman

SPLITS, SETTINGS = 5, 200
COUNTS = {"fashion_mnist": (6, 10, 15, 25), "nasbench_nlp": (10, 20, 40, 60, 100, 200)}
TESTED = {"fashion_mnist": 10, "nasbench_nlp": 100}


@dataclasses.dataclass
class Split:
    """Rank correlations on the test networks of one split."""

    last: float
    svr: dict[int, float]


def crossover(curves: np.ndarray, counts: tuple[int, ...], tested: int) -> dict[str, Any]:
    """Rank correlation by the number of training curves; the networks of the test are in no training set."""
    seen, splits = max(2, round(0.25 * curves.shape[1])), []
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(curves))
        test, rest = curves[order[:tested]], curves[order[tested:]]
        truth, horizon = test[:, -1], curves.shape[1]
        svr = {}
        for count in (c for c in counts if c <= len(rest)):
            model = LcSVR(rest[:count], trials=SETTINGS, seed=seed)
            found = spearman(np.array([model.predict(c[:seen], horizon).mean for c in test]), truth)
            svr[count] = float(np.nan_to_num(found))  # one answer for all ranks nothing
        splits.append(Split(spearman(test[:, seen - 1], truth), svr))
    rows = []
    for count in splits[0].svr:
        ahead = np.array([split.svr[count] - split.last for split in splits])
        rows.append(
            {
                "training_curves": count,
                "spearman": round(float(np.mean([split.svr[count] for split in splits])), 4),
                "ahead_of_last_value": round(float(ahead.mean()), 4),
                "standard_error": round(float(ahead.std(ddof=1) / np.sqrt(len(ahead))), 4),
                "splits_not_behind": int((ahead >= 0).sum()),
            }
        )
        print(*rows[-1].values(), flush=True)
    behind = [row["training_curves"] for row in rows if row["ahead_of_last_value"] < 0]
    later = [row["training_curves"] for row in rows if row["training_curves"] > max(behind, default=0)]
    return {
        "networks": len(curves),
        "tested": tested,
        "seen_epochs": seen,
        "epochs": curves.shape[1],
        "splits": SPLITS,
        "settings_tried": SETTINGS,
        "last_value_spearman": round(float(np.mean([split.last for split in splits])), 4),
        "rows": rows,
        "crossover": min(later, default=None),
    }


def recurrent(folder: Path) -> np.ndarray:
    """Minus the validation losses of the runs of NAS-Bench-NLP that did not fail."""
    stored = np.load(folder / "nasbench_nlp_wikitext2.npz")
    losses = stored["val_loss"].astype(float)
    return -losses[(stored["status"] == "OK") & np.isfinite(losses).all(1)]


def main() -> None:
    """Both kinds of networks."""
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    curves = np.array([row["valid"] for row in rows]) / 100
    sources = {"fashion_mnist": curves, "nasbench_nlp": recurrent(Path(os.environ["ARCHWRIGHT_DATA"]) / "nas")}
    found = {name: crossover(each, COUNTS[name], TESTED[name]) for name, each in sources.items()}
    print(write("curve_regression", found))


if __name__ == "__main__":
    main()
