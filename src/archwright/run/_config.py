"""What a run is asked to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated

from archwright.registry import Part


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """The complete, checked request of a run; a recipe is a YAML view of it.

    Args:
        recipe: name of the recipe it came from.
        about: one sentence on what the recipe does.
        data: registered name, or path of a folder, .npz, .csv or .parquet file.
        label: label column of a table; None lets the data decide.
        space: registered search space with its settings; None: `convnet` for images, `mlp` for tables.
        net: `package.module:function` that returns a searchable network, used instead of `space`.
        objectives: metrics to improve, the main one first; empty means accuracy and the tightest of the limits.
            Accuracy means what the estimator says is good: a score, if it gives no accuracy.
        limits: metric to upper bound that the answer never breaks: `params`, `flops`, `latency_ms`, `size`, `memory`.
        seed: of everything random.
        minutes: budget of the whole run, divided among the phases by their shares; None means no limit but theirs.
        phases: what is done, in order.
    """

    recipe: str = ""
    about: str = ""
    data: str
    label: str | None = None
    space: Annotated[Part, "space"] | None = None
    net: str | None = None
    objectives: tuple[str, ...] = ()
    limits: Mapping[str, float] = dataclasses.field(default_factory=dict)
    seed: int = 0
    minutes: float | None = None
    phases: Annotated[tuple[Part, ...], "phase"]
