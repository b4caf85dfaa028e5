"""How well training-speed estimators rank networks early, against validation accuracy at the same epoch.

Two parts. Forty random `convnet` architectures are trained on a part of Fashion-MNIST (6,000 training and 5,000
validation images of 14 x 14 pixels, 20 epochs, library defaults otherwise, one seed); every estimator after 10, 20 and
50 % of the epochs is ranked against the final validation and test accuracy. The same on the recorded curves of
NAS-Bench-NLP (WikiText-2, 50 epochs, validation loss) and NATS-Bench (three architectures only, so across data sets and
seeds nothing can be ranked; their curves give the error of extrapolation).

`ARCHWRIGHT_DATA=... python benchmarks/training_speed.py [CHECKPOINT [COUNT]]` continues from the checkpoint
(JSON lines) and writes `benchmarks/results/training_speed.json`. About 20 minutes on one core.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _measuring import write

from archwright import data, zoo
from archwright.cost import params
from archwright.estimate.curves import speed
from archwright.estimate.extrapolate import BestSoFar, LastValue, LeastSquares
from archwright.statistics import bootstrap, kendall, spearman
from archwright.train import Trainer, evaluate

NETWORKS, EPOCHS, TRAIN, VALID, SIDE = 40, 20, 6000, 5000, 14
SHARES = (0.1, 0.2, 0.5)
KINDS: dict[str, dict[str, Any]] = {
    "sotl": {"kind": "sotl"},
    "tse-e": {"kind": "tse-e"},
    "tse-ema 0.9": {"kind": "tse-ema"},
    "tse-ema 0.999": {"kind": "tse-ema", "decay": 0.999},
    "tse-ema-release": {"kind": "tse-ema-release"},
}
Curves = dict[str, np.ndarray]


def record(checkpoint: Path, count: int) -> list[dict[str, Any]]:
    """One row a network: losses, accuracies, parameters, seconds."""
    splits = data.load("fashion-mnist", seed=0, image_size=SIDE)
    train, valid = _some(splits.train, TRAIN, 0), _some(splits.valid, VALID, 1)
    splits = dataclasses.replace(splits, train=train, valid=valid)
    net, rng = zoo.build_for(splits, "convnet"), np.random.default_rng(0)
    archs: dict[Any, None] = {}
    while len(archs) < count:
        archs[net.space.sample(rng)] = None
    rows = [json.loads(line) for line in checkpoint.read_text().splitlines()] if checkpoint.exists() else []
    trainer = Trainer(epochs=EPOCHS, batch_size=64, precision="32", device="cpu")
    for arch in archs:
        if arch.key in {row["key"] for row in rows}:
            continue
        start = time.process_time()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = net.extract(arch, fresh=True)
        metrics = [report.metrics for report in trainer.fit(module, splits, seed=0)]
        row = {
            "key": arch.key,
            "arch": dict(arch),
            "params": params(module),
            "test": evaluate(module, splits.test)["accuracy"],
            "train_loss": [m["train_loss"] for m in metrics],
            "valid": [m["accuracy"] for m in metrics],
            "valid_loss": [m["loss"] for m in metrics],
            "seconds": time.process_time() - start,
        }
        rows.append(row)
        with checkpoint.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return [row for row in rows if row["key"] in {arch.key for arch in archs}]


def _some(split: data.Split, count: int, seed: int) -> data.Split:
    return split.subset(torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))[:count])


def scores(losses: np.ndarray, quality: np.ndarray, epochs: int) -> Curves:
    """Scores after some epochs, higher is better. `losses` and `quality` (accuracy or minus loss): (N, T)."""
    seen, known = losses[:, :epochs], quality[:, :epochs]
    found = {name: np.array([-speed(curve, **setting) for curve in seen]) for name, setting in KINDS.items()}
    return found | {"last value": known[:, -1], "sum of values": known.sum(1), "best so far": known.max(1)}


def table(losses: np.ndarray, quality: np.ndarray, truths: Curves, extra: Curves) -> list[dict[str, Any]]:
    """Rank correlations of every estimator at every share of the epochs, and how far it is ahead of the last value."""
    rows = []
    for share in SHARES:
        epochs = max(1, round(share * losses.shape[1]))
        found = {**scores(losses, quality, epochs), **extra}
        for truth, (name, values) in ((t, pair) for t in truths for pair in found.items()):
            rows.append({"share": share, "epochs": epochs, "truth": truth, "estimator": name,
                         **agreement(values, found["last value"], truths[truth])})  # fmt: skip
    return rows


def agreement(values: np.ndarray, last: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Spearman and Kendall with 95 % bootstrap intervals, and the paired difference of Spearman to the last value."""
    a, b = np.nan_to_num(values, nan=-1e9, neginf=-1e9), np.nan_to_num(last, nan=-1e9, neginf=-1e9)
    ahead = bootstrap(lambda u, v, y: spearman(u, y) - spearman(v, y), a, b, truth, resamples=1000)
    return {
        "spearman": round(spearman(a, truth), 4),
        "spearman_interval": _rounded(bootstrap(spearman, a, truth, resamples=1000)),
        "kendall": round(kendall(a, truth), 4),
        "ahead_of_last_value": round(spearman(a, truth) - spearman(b, truth), 4),
        "ahead_interval": _rounded(ahead),
    }


def _rounded(pair: tuple[float, float]) -> list[float]:
    return [round(value, 4) for value in pair]


def fashion(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The trained networks."""
    losses, valid = (np.array([row[name] for row in rows]) for name in ("train_loss", "valid"))
    truths = {"final validation accuracy": valid[:, -1], "test accuracy": np.array([row["test"] for row in rows])}
    sizes = {"params": np.array([float(row["params"]) for row in rows])}
    return {
        "networks": len(rows),
        "epochs": EPOCHS,
        "images": {"train": TRAIN, "valid": VALID, "side": SIDE},
        "final_validation_accuracy": [float(valid[:, -1].min()), float(valid[:, -1].max())],
        "seconds_a_network": float(np.mean([row["seconds"] for row in rows])),
        "validation_with_test": round(spearman(valid[:, -1], truths["test accuracy"]), 4),
        "rows": table(losses, valid, truths, sizes),
        "curves": [{k: row[k] for k in ("key", "params", "test", "train_loss", "valid")} for row in rows],
    }


def recorded(folder: Path) -> dict[str, Any]:
    """NAS-Bench-NLP on WikiText-2: 50-epoch curves; runs that failed or diverged are left out and counted."""
    stored = np.load(folder / "nasbench_nlp_wikitext2.npz")
    train, valid, test = (stored[f"{part}_loss"].astype(float) for part in ("train", "val", "test"))
    good = (stored["status"] == "OK") & np.isfinite(train).all(1) & np.isfinite(valid).all(1) & np.isfinite(test).all(1)
    train, valid, test = train[good], valid[good], test[good]
    truths = {"minus final validation loss": -valid[:, -1], "minus final test loss": -test[:, -1]}
    sizes = {"params": stored["num_params"][good].astype(float)}
    return {"runs": int(good.sum()), "left_out": int((~good).sum()), "rows": table(train, -valid, truths, sizes)}


def extrapolation(folder: Path) -> list[dict[str, Any]]:
    """Mean error of foretelling the last accuracy of NATS-Bench curves (200 and 90 epochs, cosine) from the first."""
    stored = np.load(folder / "nats_sample_curves.npz")
    names = [n for n in stored.files if n.endswith("x-valid_acc") and len(stored[n]) in (90, 200)]
    methods = {"last value": LastValue(), "best so far": BestSoFar(), "least squares": LeastSquares()}
    rows = []
    for share in SHARES:
        for label, method in methods.items():
            errors = []
            for name in names:
                curve = stored[name].astype(float) / 100
                seen = curve[: round(share * len(curve))]
                errors.append(100 * abs(method.predict(seen, len(curve)).mean - curve[-1]))
            error = round(float(np.mean(errors)), 3)
            rows.append({"share": share, "method": label, "curves": len(names), "error": error})
    return rows


def main() -> None:
    """Train what is missing, then count."""
    torch.set_num_threads(1)
    checkpoint = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("training_speed.jsonl")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else NETWORKS
    folder = Path(os.environ["ARCHWRIGHT_DATA"]) / "nas"
    found = {
        "fashion_mnist": fashion(record(checkpoint, count)),
        "nasbench_nlp": recorded(folder),
        "nats_bench": extrapolation(folder),
    }
    for name in ("fashion_mnist", "nasbench_nlp"):
        for row in found[name]["rows"]:  # type: ignore[index,call-overload]
            print(name, *row.values())
    print(*found["nats_bench"], sep="\n")
    print(write("training_speed", found))


if __name__ == "__main__":
    main()
