"""One trial to run."""

from __future__ import annotations

import dataclasses

from archwright.space import Arch


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """One trial to run.

    Args:
        number: of the trial in the study.
        arch: what to evaluate.
        budget: fidelity for the estimator, None for its default.
        seed: for the estimator.
    """

    number: int
    arch: Arch
    budget: float | None
    seed: int
