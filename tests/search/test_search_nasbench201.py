"""Evolution on the published table of NAS-Bench-201, where it is at hand."""

import os
from pathlib import Path

import numpy as np
import pytest

from archwright.search import build
from archwright.space import Choice, Space
from archwright.study import Study

TABLE = Path(os.environ.get("ARCHWRIGHT_DATA", "nowhere")) / "nas" / "nasbench201.npz"


@pytest.mark.skipif(not TABLE.exists(), reason="set ARCHWRIGHT_DATA to a folder with nas/nasbench201.npz")
@pytest.mark.parametrize("data", ["c10", "c100", "in16"])
def test_evolution_beats_random_search_at_equal_trials(data: str) -> None:
    """Validation accuracy after 12 epochs guides, test accuracy after 200 judges; P=10, S=3 as in NATS-Bench."""
    table = np.load(TABLE)
    cells = [tuple(cell) for cell in table["op_names"][table["ops"]].tolist()]
    signal = dict(zip(cells, table[f"{data}_val12"].tolist(), strict=True))
    final = dict(zip(cells, table[f"{data}_test"].tolist(), strict=True))
    space = Space([Choice(f"edge{i}", table["op_names"].tolist()) for i in range(6)])
    means = []
    for name, settings in (("regularized-evolution", {"population": 10, "sample": 3}), ("random", {})):
        found = []
        for seed in range(50):
            strategy = build(name, space, seed=seed, **settings)
            study = Study(space, strategy, lambda arch: {"accuracy": signal[tuple(arch.values())]})
            found.append(final[tuple(study.run(trials=120).best.arch.values())])
        means.append(np.mean(found))
    assert means[0] > means[1]
