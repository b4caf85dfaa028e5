"""A run told by hand, and variations of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
from report_example import RESULT, TRIALS, trial

from archwright.report import Facts
from archwright.trial import Trial


@pytest.fixture
def facts() -> Facts:
    return Facts(
        result=RESULT,
        config={"data": "birds", "seed": 7},
        record={"command": ["/usr/bin/archwright", "search", "my birds"], "machine": {"cores": 2}},
        trials=TRIALS,
        network={"input_shape": [1, 8, 8]},
        answers=[(0, 0), (0, 0), (0, 0), (0, 1), (1, 1), (1, 1), (1, 1), (1, 0)],
    )


@pytest.fixture
def changed(facts: Facts) -> Callable[..., Facts]:
    """The run with other entries of its result, or with other facts."""

    def change(result: dict[str, Any] | None = None, **others: Any) -> Facts:
        return dataclasses.replace(facts, result={**RESULT, **(result or {})}, **others)

    return change


@pytest.fixture
def baseline() -> list[Trial]:
    return [trial(0, 70.0, 600), trial(1, 88.0, 800), trial(2, math.nan, 700, state="failed")]
