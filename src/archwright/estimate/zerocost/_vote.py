"""Several scores as one ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError


def vote(columns: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Share of the other networks that each one beats by the majority of the scores; a tie counts half.

    Abdelfattah et al. (2021) vote with `synflow`, `jacov` and `snip`. The majority of pairs need not be an order;
    counting wins (Copeland) makes it one.

    Args:
        columns: scores (networks,) of each kind, higher better; NaN loses.

    Returns:
        float64 (networks,), in [0, 1].

    Raises:
        UserError: no column, or columns of different lengths.
    """
    if not columns or len({len(c) for c in columns}) > 1:
        raise UserError(f"vote takes columns of one length, got lengths {[len(c) for c in columns]}")
    table = np.nan_to_num(np.asarray(columns, dtype=np.float64), nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    count = table.shape[1]
    wins = np.empty(count)
    for i in range(count):
        lead = (table[:, i, None] > table).sum(0, dtype=np.int64) - (table[:, i, None] < table).sum(0, dtype=np.int64)
        wins[i] = (lead > 0).sum() + 0.5 * ((lead == 0).sum() - 1)
    return wins / max(1, count - 1)
