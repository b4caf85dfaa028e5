"""The latency table a run needs when a latency is limited."""

from __future__ import annotations

import numpy as np

from archwright.cost import LatencyTable
from archwright.run._state import State
from archwright.supernet import spread

_NETWORKS = 16  # enough for a fit with its correlation


def latency_table(state: State) -> LatencyTable:
    """The table of this device for this space: from the run's folder, or measured now and stored there."""
    path = state.folder / "latency.json"
    if path.exists():
        return LatencyTable.load(path)
    state.progress.message("measuring the latency of the operations of this space on this device")
    archs = spread(state.net.space, _NETWORKS, np.random.default_rng(state.config.seed))
    modules = [state.net.extract(arch).eval() for arch in archs]
    table = LatencyTable.build(modules, state.splits.input_shape, runtime="onnxruntime")
    table.save(path)
    return table
