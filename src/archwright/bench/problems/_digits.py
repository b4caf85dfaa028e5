"""The handwritten digits of scikit-learn, split once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Part = NDArray[np.float64]


@functools.cache
def split(seed: int) -> tuple[Part, Part, NDArray[np.int64], NDArray[np.int64]]:
    """1257 training and 540 validation images (n, 64) and their classes (n,), stratified."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    train_x, valid_x, train_y, valid_y = train_test_split(x, y, test_size=0.3, stratify=y, random_state=seed)
    return train_x, valid_x, train_y, valid_y


def error(model: Callable[[], Any], seed: int) -> float:
    """Share of the validation images that a model, trained on the others, has wrong."""
    train_x, valid_x, train_y, valid_y = split(seed)
    fitted = model().fit(train_x, train_y)
    return float((fitted.predict(valid_x) != valid_y).mean())
