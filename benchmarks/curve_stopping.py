"""What stopping by learning curves saves and costs.

Recorded networks (rows of `training_speed.py`: `valid`, percent, one value an epoch) are replayed as
searches. Ten searches of 30 networks, drawn and ordered at random; every network trains until a rule stops it, the
incumbent is the best final value of the networks before it that finished, the first always finishes. Counted: epochs
saved, searches in which the best of the 30 was stopped, stops of networks that would have passed the incumbent, and the
loss of final accuracy of what is found. With few recorded networks the searches share most of them, their best one
above all: ten searches are not ten independent ones. Rules are asked at every epoch from the fourth on, the chains at
every third one, and they have 500 steps, 200 burnt in, in place of 2500 and 500.

`python benchmarks/curve_stopping.py CURVES [CHECKPOINT]` writes `results/curve_stopping.json`. About 10 minutes on one
core; predictions of the chains go into the checkpoint (JSON lines).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
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
    MedianRule,
    Prediction,
    PriorFitted,
    Stopper,
)

TRIALS, SEARCHES = 30, 10
CHAIN = {"steps": 500, "burn_in": 200}
Rule = Callable[[int, int, float, list[np.ndarray]], bool]  # network, epochs, incumbent, curves before it


class Recorded(Extrapolator):
    """Remembers predictions, which do not depend on the search; those of chains in a file."""

    def __init__(self, method: Extrapolator, checkpoint: Path | None = None) -> None:
        self.method, self.checkpoint = method, checkpoint
        self._known: dict[tuple[float, ...], Prediction] = {}
        if checkpoint and checkpoint.exists():
            for line in checkpoint.read_text().splitlines():
                curve, values, noise, known = json.loads(line)
                self._known[tuple(curve)] = Prediction.of(np.array(values), np.array(noise), known=known)

    def _predict(self, y: np.ndarray, horizon: int) -> Prediction:
        key = tuple(map(float, y))
        if key not in self._known:
            found = self.method.predict(y, horizon)
            if self.checkpoint:
                some = slice(None, None, max(1, len(found.values) // 300))
                found = Prediction.of(found.values[some], found.noise[some], known=found.known)
                with self.checkpoint.open("a", encoding="utf-8") as file:
                    row = [list(key), found.values.round(5).tolist(), found.noise.round(5).tolist(), found.known]
                    file.write(json.dumps(row) + "\n")
            self._known[key] = found
        return self._known[key]


def by_stopper(stopper: Stopper, curves: np.ndarray, every: int = 1, first: int = 4) -> Rule:
    """Asks a `Stopper`."""
    horizon = curves.shape[1]

    def rule(network: int, epochs: int, incumbent: float, before: list[np.ndarray]) -> bool:
        asked = epochs >= first and (epochs - first) % every == 0
        return asked and stopper.decide(curves[network, :epochs], horizon, incumbent).stop

    return rule


def by_median(median: MedianRule, curves: np.ndarray) -> Rule:
    """Asks a `MedianRule`; the incumbent is not needed."""
    return lambda network, epochs, incumbent, before: median.stops(curves[network, :epochs], before)


def search(rule: Rule, curves: np.ndarray, order: np.ndarray) -> dict[str, float]:
    """One search: the networks in this order."""
    horizon = curves.shape[1]
    before: list[np.ndarray] = []
    finished: list[int] = []
    wrong = 0
    for network in map(int, order):
        incumbent = max((curves[n, -1] for n in finished), default=-np.inf)
        stopped = (e for e in range(1, horizon) if finished and rule(network, e, float(incumbent), before))
        end = next(stopped, horizon)
        before.append(curves[network, :end])
        wrong += end < horizon and curves[network, -1] > incumbent
        if end == horizon:
            finished.append(network)
    best = int(order[curves[order, -1].argmax()])
    return {
        "saved": 1 - sum(map(len, before)) / (horizon * len(order)),
        "lost_best": float(best not in finished),
        "regret": 100 * float(curves[best, -1] - max(curves[n, -1] for n in finished)),
        "finished": float(len(finished)),
        "wrong": float(wrong),
    }


def stopping(curves: np.ndarray, checkpoint: Path | None) -> list[dict[str, Any]]:
    """Every rule on the same ten searches."""
    chain = Recorded(CurveEnsemble(**CHAIN), checkpoint)  # type: ignore[arg-type]
    fast = {"prior-fitted": PriorFitted(), "least squares": LeastSquares(), "last value": LastValue()}
    methods = {name: Recorded(method) for name, method in fast.items()}
    rules = {name: by_stopper(Stopper(extrapolator=method), curves) for name, method in methods.items()}
    careful = {name: by_stopper(Stopper(extrapolator=m, threshold=0.01), curves) for name, m in methods.items()}
    rules |= {f"{name}, P < 0.01": rule for name, rule in careful.items() if name != "last value"}
    rules["ensemble"] = by_stopper(Stopper(extrapolator=chain), curves, every=3)
    rules["median rule"] = by_median(MedianRule(), curves)
    rules["median rule, after 5 epochs"] = by_median(MedianRule(warm_up=5), curves)
    orders = [np.random.default_rng(seed).permutation(len(curves))[:TRIALS] for seed in range(SEARCHES)]
    rows = []
    for name, rule in rules.items():
        found = [search(rule, curves, order) for order in orders]
        mean = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
        rows.append(
            {
                "rule": name,
                "epochs_saved": round(mean["saved"], 4),
                "least_saved": round(min(one["saved"] for one in found), 4),
                "searches_that_lost_the_best": round(SEARCHES * mean["lost_best"]),
                "wrong_stops": round(mean["wrong"], 1),
                "mean_regret": round(mean["regret"], 4),
                "largest_regret": round(max(one["regret"] for one in found), 4),
                "finished_of_30": round(mean["finished"], 1),
                "passes": mean["saved"] >= 0.25 and SEARCHES * mean["lost_best"] <= 1.5,
            }
        )
        print(*rows[-1].values(), flush=True)
    return rows


def main() -> None:
    """Replay and count."""
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    curves = np.array([row["valid"] for row in rows]) / 100
    found = {
        "networks": len(curves),
        "epochs": curves.shape[1],
        "searches": SEARCHES,
        "trials": TRIALS,
        "chain": CHAIN,
        "rows": stopping(curves, Path(sys.argv[2]) if len(sys.argv) > 2 else None),
        "curves": [{key: row[key] for key in ("key", "params", "valid")} for row in rows],
    }
    print(write("curve_stopping", found))


if __name__ == "__main__":
    main()
