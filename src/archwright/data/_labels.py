"""Labels as users store them -> int64 from 0 and class names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from archwright.errors import UserError


def encode_labels(values: Any, where: str, names: Sequence[str] | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Map labels to 0..K-1 in sorted order.

    Args:
        values: (N,) or (N, 1) integers, booleans or strings.
        where: what to call them in messages.
        names: class names, if the labels are already 0..K-1.

    Returns:
        y int64 (N,) and K class names.

    Raises:
        UserError: not one integer or string a sample, or fewer than 2 classes.
    """
    labels = np.asarray(values)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise UserError(f"{where} must hold one label a sample, shape (N,), got shape {labels.shape}")
    found, y = np.unique(_sortable(labels, where), return_inverse=True)
    if names is not None and found.dtype.kind in "iu" and len(found) and found[0] >= 0 and found[-1] < len(names):
        y, found = labels, np.asarray(names, dtype=str)
    if len(found) < 2:
        raise UserError(f"{where} holds {len(found)} class{'' if len(found) == 1 else 'es'}; at least 2 are needed")
    return y.astype(np.int64), tuple(str(name) for name in found)


def _sortable(labels: np.ndarray, where: str) -> np.ndarray:
    if labels.dtype.kind in "iubU":
        return labels
    if labels.dtype.kind == "S":
        return np.char.decode(labels, "utf-8")
    if labels.dtype.kind in "OT" and all(isinstance(label, str) for label in labels):
        return labels.astype(str)
    strange = next((type(label).__name__ for label in labels if not isinstance(label, str)), "")
    kind = f"{strange} objects" if labels.dtype.kind == "O" else str(labels.dtype)
    advice = "; store whole numbers as integers" if labels.dtype.kind == "f" else ""
    raise UserError(f"{where} must be integers or strings, got {kind}{advice}")
