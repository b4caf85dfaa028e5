"""Handwritten digits of scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archwright.data._arrays import from_arrays
from archwright.data._source import Source


def digits(root: Path | None = None) -> Source:
    """1,797 handwritten digits, 8x8 gray, values 0 to 16; comes with scikit-learn (Alpaydin and Kaynak 1998)."""
    from sklearn.datasets import load_digits

    stored = load_digits()
    return from_arrays("digits", {"train": (stored.images.astype(np.uint8), stored.target)})
