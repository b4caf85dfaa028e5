"""What a search by gradient gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from archwright.gradient._relaxed import Relaxed
from archwright.space import Arch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """The answer of a search.

    Args:
        arch: architecture.
        relaxed: the trained mixture.
        history: after every epoch the `probabilities` of all options and what was measured.
        epochs: training reports, one an epoch.
    """

    arch: Arch
    relaxed: Relaxed
    history: Sequence[dict[str, Any]]
    epochs: Sequence[dict[str, float]]
