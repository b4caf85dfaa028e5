"""What the phases of a run share."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from archwright.cost import LatencyTable
from archwright.data import Splits
from archwright.run._config import Config
from archwright.run._folder import Folder
from archwright.run._progress import Progress
from archwright.space import Arch
from archwright.supernet import Supernet
from archwright.trial import Trial


@dataclasses.dataclass(kw_only=True)
class State:
    """The state of a run: what is known so far. Phases read it and add to it.

    Args:
        config: the request.
        folder: where everything is kept.
        progress: listener.
        splits: data.
        net: the supernet.
        device: where networks are trained.
        started: `time.perf_counter()` when it was begun.
        objectives: metrics to improve, the main one first.
        latency_table: operation times of this device, if a latency is limited.
        feasible: an architecture known to be within the limits, if there are any.
        shared: whether the supernet's weights are trained.
        trials: of the search.
        candidates: architectures worth choosing, best first.
        chosen: the architecture of the answer.
        model: the plain network of the answer, on normalised input.
        result: what will be written to `result.json`.
    """

    config: Config
    folder: Folder
    progress: Progress
    splits: Splits
    net: Supernet
    device: torch.device
    started: float = dataclasses.field(default_factory=time.perf_counter)
    objectives: tuple[str, ...] = ("accuracy",)
    latency_table: LatencyTable | None = None
    feasible: Arch | None = None
    shared: bool = False
    trials: Sequence[Trial] = ()
    candidates: Sequence[Trial] = ()
    chosen: Arch | None = None
    model: nn.Module | None = None
    result: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def limits(self) -> Mapping[str, float]:
        """Limits as they are asked for, on the exported network."""
        return self.config.limits

    @property
    def search_limits(self) -> dict[str, float]:
        """Limits as candidates are judged: latency by its prediction."""
        return {("predicted_latency_ms" if k == "latency_ms" else k): v for k, v in self.config.limits.items()}

    def minutes(self, share: float) -> float | None:
        """A phase's part of the time budget."""
        return None if self.config.minutes is None else self.config.minutes * share
