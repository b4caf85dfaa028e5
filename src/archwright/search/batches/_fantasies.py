"""Batches by hallucination."""

from __future__ import annotations

from typing import final

from archwright.search.batches._batch import Batch


@final
class Fantasies(Batch):
    """Pending architectures count as observed at their mean, one proposal after the other.

    The mean stays and the variance around them shrinks: "hallucinated" observations (Desautels et al. 2014; NASBOT,
    Kandasamy et al. 2018).
    """
