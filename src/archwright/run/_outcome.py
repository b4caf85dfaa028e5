"""What a run has found, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import archwright
from archwright.run._state import State
from archwright.versions import versions


def outcome(state: State, spent: Mapping[str, float]) -> dict[str, Any]:
    """The content of `result.json`.

    Args:
        state: of the run.
        spent: seconds by phase.
    """
    config, splits = state.config, state.splits
    return {
        **state.result,
        "limits": dict(config.limits),
        "seconds": sum(spent.values()),
        "seconds_by_phase": dict(spent),
        "seed": config.seed,
        "data": {
            "name": splits.name,
            "fingerprint": splits.fingerprint,
            "classes": list(splits.classes),
            "sizes": {part: len(getattr(splits, part)) for part in ("train", "valid", "test")},
        },
        "space": {"name": state.net.space.name, "size": state.net.space.size},
        "recipe": config.recipe,
        "versions": versions(),
        "archwright": archwright.__version__,
        "folder": str(Path(state.folder.path).resolve()),
    }
