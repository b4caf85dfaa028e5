"""Estimators against a table: how well do they order architectures, and what do they cost."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archwright import data
from archwright.bench._benchmark import Benchmark
from archwright.bench._estimators import TABLE, baselines, sorted_out
from archwright.bench._journal import Journal
from archwright.bench._row import Row, judged
from archwright.data import Splits
from archwright.errors import UserError
from archwright.estimate.zerocost import SCORES, NotANumber, Score
from archwright.statistics import kendall, noise_ceiling, spearman

Told = Callable[[int, int], None]
Scored = dict[str, NDArray[np.float64]]


def evaluate_estimators(
    benchmark: Benchmark,
    estimators: Sequence[str],
    *,
    count: int | None = 500,
    seed: int = 0,
    splits: Splits | None = None,
    metric: str | None = None,
    budget: float | None = None,
    batch_size: int | None = None,
    out: str | Path | None = None,
    resamples: int = 1000,
    progress: Told | None = None,
) -> list[Row]:
    """Rank correlations of estimators with the results of a table, on the same random architectures.

    Networks are the benchmark's own, initialised from `seed`; every one sees the same mini-batch of training images
    without augmentation. The baselines (`params`, `flops`, `ops`, `random`, ...) and the noise ceilings that the table
    allows (validation against test, one training against another) are always among the rows.

    Args:
        benchmark: the truth, and where networks come from.
        estimators: names of `estimate.SCORES`, or `table:<name>` for scores published with the table.
        count: architectures, drawn without replacement; the first of a larger draw are a smaller one; None: all.
        seed: of the draw, the mini-batch, the initial weights and the bootstrap.
        splits: where the mini-batch comes from; None: `data.load` of the benchmark's data set, if a score needs one.
        metric: the truth; None: the benchmark's `main`.
        budget: training length of the truth; None: the longest.
        batch_size: samples of the mini-batch; None: as each score was published.
        out: folder for `scores.jsonl`, from which the same call goes on after it was stopped; None: not kept.
        resamples: of the bootstrap over architectures.
        progress: told how many of how many architectures are scored.

    Returns:
        Computed scores in the order given, then published ones, baselines and ceilings.

    Raises:
        UserError: unknown estimator, metric or budget; no networks or images; a score that cannot judge the networks.
    """
    truth, free = benchmark.values(metric or benchmark.main, budget), baselines(benchmark, seed)
    computed, published = sorted_out(benchmark, estimators, free)
    rows = _drawn(truth, count, seed)
    params = benchmark.values("params")[rows] if "params" in benchmark.metrics else None
    about: dict[str, Any] = {
        "benchmark": benchmark.name,
        "dataset": benchmark.dataset,
        "metric": metric or benchmark.main,
        "budget": benchmark.budgets[-1] if budget is None else budget,
        "seed": seed,
    }

    def row(name: str, kind: str, scores: NDArray[np.float64], **more: Any) -> Row:
        return judged(scores, truth[rows], params, resamples=resamples, estimator=name, kind=kind, **more, **about)

    found = []
    if computed:
        journal = Journal(None if out is None else Path(out) / "scores.jsonl")
        batch = _Batch(benchmark, splits, seed, batch_size)
        scores, seconds = _computed(benchmark, computed, rows, batch, journal, progress)
        for name in computed:
            mean = float(seconds[name].mean())
            failed = np.isnan(scores[name])
            found.append(row(name, "score", scores[name], failed=failed, seconds_per_architecture=mean))
    found += [row(name, "table", benchmark.score(name.removeprefix(TABLE))[rows]) for name in published]
    found += [row(name, "baseline", scores[rows]) for name, scores in free.items()]
    return found + _ceilings(benchmark, rows, row, about)


def _drawn(truth: NDArray[np.float64], count: int | None, seed: int) -> NDArray[np.intp]:
    """Rows with a truth, in random order."""
    there = np.flatnonzero(np.isfinite(truth))
    if count is not None and not 2 <= count <= len(there):
        raise UserError(f"count must be from 2 to {len(there)}, the architectures with results, got {count}")
    order: NDArray[np.intp] = np.random.default_rng(seed).permutation(there)[:count]
    return order


class _Batch:
    """The mini-batch of every score: the first images of one random order, read when a score is first computed."""

    def __init__(self, benchmark: Benchmark, splits: Splits | None, seed: int, size: int | None) -> None:
        self._dataset, self._splits, self._seed, self._size = benchmark.dataset, splits, seed, size
        self._order: Tensor | None = None

    def __call__(self, score: Score) -> tuple[Tensor, Tensor]:
        train = self._loaded().train
        if self._order is None:
            self._order = torch.randperm(len(train), generator=torch.Generator().manual_seed(self._seed))
        size = min(self._size or score.batch, len(train))
        x, y = next(iter(train.subset(self._order[:size]).batches(size)))
        return x, y

    def _loaded(self) -> Splits:
        if self._splits is None:
            if self._dataset not in data.names():
                raise UserError(f"scores need images, and there is no data set {self._dataset!r} here; give the data")
            self._splits = data.load(self._dataset, seed=self._seed)
        return self._splits

    def about(self, score: Score) -> dict[str, Any]:
        """What fixes the batch of a score."""
        return {"data": self._loaded().fingerprint, "split": self._loaded().seed, "size": self._size or score.batch}


def _computed(
    benchmark: Benchmark,
    names: Sequence[str],
    rows: NDArray[np.intp],
    batch: _Batch,
    journal: Journal,
    progress: Told | None,
) -> tuple[Scored, Scored]:
    """Scores and seconds, (count,) each, by name; NaN for a network whose score is no number."""
    scores: dict[str, Score] = {name: SCORES.load(name)() for name in names}
    seed = batch._seed
    abouts = {
        name: _digest({**batch.about(score), "score": repr(score), "benchmark": benchmark.name,
                       "dataset": benchmark.dataset, "seed": seed})
        for name, score in scores.items()
    }  # fmt: skip
    batches = {name: batch(score) for name, score in scores.items()}
    values: Scored = {name: np.full(len(rows), math.nan) for name in names}
    seconds: Scored = {name: np.full(len(rows), math.nan) for name in names}
    everything = benchmark.architectures()
    for n, index in enumerate(rows.tolist()):
        arch, network = everything[index], None
        for name, score in scores.items():
            known = journal.get(abouts[name], arch.key)
            if known is None:
                network = network or benchmark.network(arch, seed=seed)
                value, taken = _timed(score, network, *batches[name], seed)
                known = {"score": repr(value), "seconds": taken}  # JSON has no NaN
                journal.add(abouts[name], arch.key, **known, estimator=name)
            values[name][n], seconds[name][n] = float(known["score"]), float(known["seconds"])
        if progress is not None:
            progress(n + 1, len(rows))
    return values, seconds


def _timed(score: Score, network: torch.nn.Module, x: Tensor, y: Tensor, seed: int) -> tuple[float, float]:
    start = time.perf_counter()
    try:
        value = score(network, x, y, seed=seed)
    except NotANumber:
        value = math.nan
    return value, time.perf_counter() - start


def _digest(about: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]


def _ceilings(
    benchmark: Benchmark, rows: NDArray[np.intp], row: Callable[..., Row], about: dict[str, Any]
) -> list[Row]:
    """Validation against test accuracy, and one training against another, where the table has them."""
    found = []
    other = {"valid_accuracy": "test_accuracy", "test_accuracy": "valid_accuracy"}.get(about["metric"], "")
    if benchmark.has(other, about["budget"]):
        found.append(row(f"{other} itself", "ceiling", benchmark.values(other, about["budget"])[rows]))
    runs = benchmark.repeats(about["metric"])
    if runs is not None and about["budget"] == benchmark.budgets[-1]:
        tau, rho = (noise_ceiling(runs[rows], statistic) for statistic in (kendall, spearman))
        found.append(
            Row(estimator="another training", kind="ceiling", count=len(rows), kendall=tau, spearman=rho, **about)
        )
    return found
