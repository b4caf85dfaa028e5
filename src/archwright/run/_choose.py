"""Phase `choose`."""

from __future__ import annotations

import dataclasses
import itertools
import math
import tempfile
from pathlib import Path

from torch import nn

from archwright.errors import Infeasible, UserError
from archwright.run._exported import latency, size, written
from archwright.run._phase import Phase
from archwright.run._state import State
from archwright.space import Arch
from archwright.supernet import recalibrate
from archwright.trial import Trial, broken, comparable, excess
from archwright.trial import objectives as parsed

_FILE = "chosen.json"
_MEASURED = ("latency_ms", "size")
_BATCH, _BATCHES = 256, 16  # that the statistics are computed from


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choose(Phase):
    """Choose one candidate: the best score; among scores that the validation part cannot tell apart, the lowest loss.

    Two accuracies are not told apart when they differ by less than `noise` standard errors of the best one. Limits on
    latency and file size are measured on the exported file of the candidate before it is chosen. With the supernet's
    weights it is the answer of a recipe that trains no further (BigNAS).

    Args:
        noise: standard errors of the validation accuracy within which candidates count as equal, at least 0.
        tries: candidates whose exported file is measured before giving up.
    """

    noise: float = 1.0
    tries: int = 20

    def __post_init__(self) -> None:
        self._require("noise", "at least 0", self.noise >= 0)
        self._require("tries", "an integer of at least 1", self.tries >= 1)

    def __call__(self, state: State) -> None:
        state.chosen = _stored(state)
        if state.chosen is None:
            state.chosen, measured = self._measured(state, self._ordered(state))
            state.folder.write_json(_FILE, {"architecture": dict(state.chosen), "measured": measured})
        if others := state.folder.read_json(_FILE).get("measured"):
            state.result["candidates_measured"] = others
        state.model = inherited(state, state.chosen)
        state.result["architecture"] = dict(state.chosen)
        text = ", ".join(f"{k}={v}" for k, v in state.chosen.items())
        state.progress.message(f"chosen: {text}")

    def _ordered(self, state: State) -> list[Trial]:
        """Every feasible trial, best first; of a search with budgets those at the largest one."""
        objective = parsed(state.objectives)[0]
        feasible = [t for t in state.trials if t.state == "complete" and not broken(t.metrics, state.search_limits)]
        feasible = comparable(feasible)
        best = min(objective.loss(t.metrics) for t in feasible)
        width = 0.0
        if objective.metric == "accuracy" and len(state.splits.valid):
            p = min(max(-best / 100, 0.5 / len(state.splits.valid)), 1 - 0.5 / len(state.splits.valid))
            width = self.noise * 100 * math.sqrt(p * (1 - p) / len(state.splits.valid))
        equal = [t for t in feasible if objective.loss(t.metrics) <= best + width]
        others = [t for t in feasible if objective.loss(t.metrics) > best + width]
        equal.sort(key=lambda t: t.metrics.get("loss", objective.loss(t.metrics)))
        others.sort(key=lambda t: objective.loss(t.metrics))
        return equal + others

    def _measured(self, state: State, ordered: list[Trial]) -> tuple[Arch, list[dict[str, float]]]:
        """The first candidate whose exported files are within the limits; number, prediction and measurement of those
        before it."""
        limits = {k: v for k, v in state.limits.items() if k in _MEASURED}
        if not limits:
            return ordered[0].arch, []
        seen: list[tuple[float, Trial, dict[str, float]]] = []
        for n, trial in enumerate(ordered[: self.tries], 1):
            metrics = measure(state, trial.arch)
            state.progress.step(n, None, f"measured candidate {trial.number}: " + _text(metrics))
            if not broken(metrics, limits):
                return trial.arch, [{"number": t.number, **t.metrics, **m} for _, t, m in seen if "latency_ms" in m]
            seen.append((excess(metrics, limits), trial, metrics))
        _, trial, metrics = min(seen, key=lambda s: s[0])
        raise Infeasible(
            f"no exported network of the {len(seen)} best candidates meets the limits {limits}; the nearest, candidate "
            f"{trial.number}, has {_text(metrics)}"
        )


def _stored(state: State) -> Arch | None:
    """What an earlier call has chosen."""
    stored = state.folder.read_json(_FILE)
    if not stored:
        return None
    architecture = stored.get("architecture")
    if not isinstance(architecture, dict):
        raise state.folder.damaged(_FILE, f"expected an architecture, got {architecture!r:.40}")
    try:
        return state.net.space.arch(architecture)
    except UserError as error:
        raise state.folder.damaged(_FILE, str(error)) from error


def inherited(state: State, arch: Arch) -> nn.Module:
    """The plain network of an architecture with the supernet's weights and batch-norm statistics of its own."""
    batches = state.splits.train.batches(_BATCH, shuffle=True, seed=state.config.seed, device=state.device)
    module = state.net.extract(arch).to(state.device)
    return recalibrate(module, itertools.islice((x for x, _ in batches), _BATCHES)).eval()


def measure(state: State, arch: Arch) -> dict[str, float]:
    """Latency (90th percentile, so that the median holds later) and size of the exported files of an architecture."""
    with tempfile.TemporaryDirectory() as folder:
        exported = written(state, arch, state.net.extract(arch), Path(folder) / "best")
        metrics: dict[str, float] = {}
        if "latency_ms" in state.limits:
            metrics["latency_ms"] = latency(exported, state.splits, limit=state.limits["latency_ms"]).p90_ms
        if "size" in state.limits:
            metrics["size"] = float(size(exported))
        return metrics


def _text(metrics: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
