"""Tables that tests need, and a small benchmark that needs none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from archwright.bench import Benchmark
from archwright.bench._rows import FiniteRows
from archwright.space import Ordinal, Space

ROOT = Path(os.environ.get("ARCHWRIGHT_DATA", "/nowhere"))


def needs(*files: str) -> pytest.MarkDecorator:
    """Skips where one of the tables is not at hand."""
    there = all((ROOT / "nas" / file).is_file() for file in files)
    return pytest.mark.skipif(not there, reason=f"ARCHWRIGHT_DATA does not hold nas/{', nas/'.join(files)}")


@final
class Toy(Benchmark):
    """25 networks of two widths on digits; the wider, the better, up to noise."""

    name: ClassVar[str] = "toy"
    datasets: ClassVar[tuple[str, ...]] = ("digits",)

    def __init__(self, dataset: str | None = None, root: Path | None = None) -> None:
        widths = (1, 2, 3, 4, 5)
        space = Space([Ordinal("first", widths), Ordinal("second", widths)], name="toy")
        options = np.array([(i, j) for i in range(5) for j in range(5)])
        rng = np.random.default_rng(0)
        accuracy = 50 + options.sum(1) + rng.normal(size=25)
        runs = accuracy[:, None] + 0.1 * rng.normal(size=(25, 3))
        scores = np.where(np.arange(25) < 20, options[:, 0], np.nan)
        self._widths = options + 1
        super().__init__(
            dataset=self._checked(dataset),
            space=space,
            rows=FiniteRows(space, options),
            columns={
                "valid_accuracy": {1: accuracy - 20, 9: accuracy},
                "test_accuracy": {9: accuracy + rng.normal(size=25)},
                "params": 17 * self._widths[:, 0],
                "flops": 34 * self._widths[:, 0],
            },
            budgets=(1, 9),
            seconds=self._widths[:, 0].astype(float),
            repeats={"valid_accuracy": runs},
            scores={"partly": scores, "first": self._widths[:, 0].astype(float)},
        )

    def counts(self) -> Mapping[str, NDArray[np.float64]]:
        return {"ops": np.full(25, 2.0)}

    def network(self, arch: Mapping[str, Any], *, seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, arch["first"]), nn.ReLU(), nn.Linear(arch["first"], 10))
