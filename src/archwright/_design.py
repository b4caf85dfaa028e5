"""The main job in one call: data and limits in, a trained and exported network out."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from archwright import data as room
from archwright import recipes, run
from archwright.errors import UserError


def design(
    data: Any,
    *,
    limits: Mapping[str, float | str] | None = None,
    minutes: float | None = None,
    recipe: str | os.PathLike[str] = "default",
    net: nn.Module | None = None,
    objectives: Sequence[str] = (),
    settings: Sequence[str] = (),
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    progress: run.Progress | None = None,
) -> run.Finished:
    """Find, train and export the best network for `data` within `limits`: what `archwright search` does.

    The same call with the same `out` continues a run that was stopped.

    Args:
        data: a registered name, a path, a `torch.utils.data.Dataset` of (image, class), a pair (x, y) of arrays, or
            `Splits`. Data that are not a name or a path are stored in the run folder, so that the run can be repeated.
        limits: metric to upper bound, as numbers or text: `{"params": "150k", "latency_ms": 5, "size": "4MB"}`.
        minutes: time for the whole run.
        recipe: name or path of a recipe.
        net: a network of your own with searchable layers inside; default: the recipe's space.
        objectives: metrics to improve; default: the recipe's.
        settings: further changes of the recipe, `"key.sub=value"`.
        seed: of everything random.
        out: run folder; default `runs/<time>`.
        progress: listener.

    Returns:
        The finished run: `.result`, `.model()`, `.folder`.

    Raises:
        UserError: data, recipe or settings that cannot be used.
        Infeasible: no network meets the limits.
    """
    folder = Path(out) if out is not None else Path("runs") / f"{datetime.datetime.now():%Y%m%d-%H%M%S}"
    changes = [f"seed={seed}", *(f"limits.{name}={json.dumps(bound)}" for name, bound in (limits or {}).items())]
    if minutes is not None:
        changes.append(f"minutes={minutes}")
    if objectives:
        changes.append(f"objectives={json.dumps(list(objectives))}")
    mapping = recipes.override(recipes.read(str(recipe)), [*changes, *settings])
    source = str(data) if isinstance(data, str | os.PathLike) else str(_stored(data, folder, seed))
    config = recipes.check(mapping, data=source)
    if net is not None:
        config = dataclasses.replace(config, net=f"{type(net).__module__}:{type(net).__qualname__}")
    run.execute(config, folder, net=net, progress=progress)
    return run.opened(folder)


def _stored(data: Any, folder: Path, seed: int) -> Path:
    """Data given as objects, as a file in the run folder."""
    path = folder / "data.npz"
    if path.exists():
        return path
    splits = data if isinstance(data, room.Splits) else room.load(data, seed=seed)
    arrays = {}
    for part, suffix in (("train", ""), ("valid", "_valid"), ("test", "_test")):
        split = getattr(splits, part)
        if not isinstance(split.x, Tensor):
            raise UserError("data streamed from disk have a path: give that instead of the object")
        if len(split):
            arrays[f"x{suffix}"] = split.x.numpy()
            arrays[f"y{suffix}"] = np.array(splits.classes)[split.y.numpy()]
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(".data.tmp.npz")
    np.savez_compressed(temporary, allow_pickle=False, **arrays)
    temporary.replace(path)
    return path
