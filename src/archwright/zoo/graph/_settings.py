"""Width, head and training of the networks behind the tables of NAS-Bench-Graph."""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GraphSettings:
    """How the networks of one data set are made and trained, full batch.

    Args:
        pre, post: linear layers before and after the four nodes.
        width: D.
        dropout: share dropped.
        optimizer: `sgd` is without momentum.
        lr: learning rate, constant.
        weight_decay: on all parameters.
        epochs: updates.
    """

    pre: bool
    post: bool
    width: int
    dropout: float
    optimizer: Literal["sgd", "adam"]
    lr: float
    weight_decay: float
    epochs: int


def _settings(
    pre: int,
    post: int,
    width: int,
    dropout: float,
    optimizer: Literal["sgd", "adam"],
    lr: float,
    decay: float,
    epochs: int,
) -> GraphSettings:
    return GraphSettings(
        pre=bool(pre), post=bool(post), width=width, dropout=dropout, optimizer=optimizer, lr=lr, weight_decay=decay,
        epochs=epochs,
    )  # fmt: skip


SETTINGS = {
    "cora": _settings(0, 1, 256, 0.7, "sgd", 0.1, 5e-4, 400),
    "citeseer": _settings(0, 1, 256, 0.7, "sgd", 0.2, 5e-4, 400),
    "pubmed": _settings(0, 0, 128, 0.3, "sgd", 0.2, 5e-4, 500),
    "cs": _settings(1, 0, 128, 0.6, "sgd", 0.5, 5e-4, 400),
    "physics": _settings(1, 0, 256, 0.4, "sgd", 0.01, 0.0, 200),
    "photo": _settings(0, 0, 128, 0.7, "adam", 2e-4, 5e-4, 500),
    "computers": _settings(1, 1, 64, 0.1, "adam", 5e-3, 5e-4, 500),
    "arxiv": _settings(0, 1, 128, 0.2, "adam", 2e-3, 0.0, 500),
    "proteins": _settings(1, 1, 256, 0.0, "adam", 0.01, 5e-4, 500),
}
"""By data set. Layers and widths follow from the published parameter counts; the training is the paper's."""

SIZES = {
    "cora": (1433, 7), "citeseer": (3703, 6), "pubmed": (500, 3), "cs": (6805, 15), "physics": (8415, 5),
    "photo": (745, 8), "computers": (767, 10), "arxiv": (128, 40), "proteins": (8, 112),
}  # fmt: skip
"""Features and classes of each data set."""
