"""Weighted MaxSAT."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import numpy as np

from archwright.bench.problems._problem import Problem
from archwright.data._storage import VARIABLE, data_folders
from archwright.errors import UserError
from archwright.space import Choice, Space

_FILE = "bo/frb-frb10-6-4.wcnf"
_VARIABLES, _CLAUSES = 60, 698


@final
class MaxSat60(Problem):
    """Weighted maximum satisfiability with 60 bits: instance frb-frb10-6-4 of the MaxSAT evaluation 2018.

    As in the code of CASMOPOLITAN (Wan et al. 2021), weights are standardised to mean 0 and deviation 1, and the
    value is minus the sum of those of the satisfied clauses. That changes the problem: the 60 clauses of weight 1
    become penalties, which all zeros avoid while they satisfy every other clause. So the optimum is known, -195.65,
    and flatters methods that prefer the first option: compare with `Relabelled`, too.

    Args:
        root: folder that holds `bo/frb-frb10-6-4.wcnf`; None: `$ARCHWRIGHT_DATA`, then the cache folder.

    Raises:
        UserError: the instance is not there, or is another one.
    """

    name = "maxsat60"

    def __init__(self, *, root: Path | None = None) -> None:
        weights, clauses = _read(_found(root))
        self._weights = (weights - weights.mean()) / weights.std()
        self._where = np.zeros((len(clauses), _VARIABLES), dtype=np.float64)  # of literals: 1 as it is, -1 negated
        for row, clause in enumerate(clauses):
            self._where[row, [abs(literal) - 1 for literal in clause]] = np.sign(clause)
        self._negated = (self._where < 0).sum(1)
        space = Space([Choice(f"b{i:02d}", (0, 1)) for i in range(1, _VARIABLES + 1)], name=self.name)
        super().__init__(space=space, optimum=-float(self._weights[self._weights > 0].sum()))

    def value(self, arch: Mapping[str, Any]) -> float:
        bits = np.array([arch[name] for name in self.space.names], dtype=np.float64)
        satisfied = self._where @ bits + self._negated > 0.5
        return -float(self._weights[satisfied].sum())


def _found(root: Path | None) -> Path:
    folders = data_folders(root)
    for folder in folders:
        if (folder / _FILE).is_file():
            return folder / _FILE
    places = ", ".join(str(folder / _FILE) for folder in folders)
    raise UserError(f"maxsat60 needs its instance: there is no {places}; set {VARIABLE} to a folder that holds it")


def _read(path: Path) -> tuple[np.ndarray[Any, np.dtype[np.float64]], list[list[int]]]:
    """Weights and clauses of a file in the WCNF format."""
    lines = [line.split() for line in path.read_text(encoding="ascii", errors="replace").splitlines()]
    numbers = [line for line in lines if line and line[0] not in ("c", "p")]
    try:
        weights = np.array([float(line[0]) for line in numbers])
        clauses = [[int(word) for word in line[1:-1]] for line in numbers]
    except ValueError:
        raise UserError(f"{path} is not a file in the WCNF format") from None
    if len(clauses) != _CLAUSES or any(not 0 < abs(a) <= _VARIABLES for clause in clauses for a in clause):
        raise UserError(f"{path} is not the instance frb-frb10-6-4: {len(clauses)} clauses, expected {_CLAUSES}")
    return weights, clauses
