"""Rows as scikit-learn gives them -> `Splits` without a test part."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from archwright import data

_VALID = 0.15


def splits_of(
    x: NDArray[np.float32 | np.uint8], y: NDArray[np.int64], names: tuple[str, ...], seed: int
) -> data.Splits:
    """Training and validation part of all samples.

    Args:
        x: (N, F), (N, H, W), (N, C, H, W) or (N, H, W, C).
        y: (N,), from 0, every class present.
        names: of the classes.
        seed: of the split.

    Raises:
        UserError: samples that no network can take.
    """
    splits = data.load((x, y), seed=seed, indices=parts(y, seed))
    return dataclasses.replace(splits, classes=names, partition=dataclasses.replace(splits.partition, seed=seed))


def parts(y: NDArray[np.int64], seed: int) -> dict[str, NDArray[np.int64]]:
    """Positions for `data.load`: validation takes 15 %, stratified, or as many samples as there are classes.

    Every class keeps a training sample: the only one of a class never validates. If all classes have only one, any of
    them does.
    """
    counts = np.bincount(y)[y]
    single, several = np.flatnonzero(counts == 1), np.flatnonzero(counts > 1)
    if len(several):
        size = max(round(_VALID * len(several)), len(np.unique(y[several])))
        train, valid = train_test_split(several, test_size=size, stratify=y[several], random_state=seed)
    else:
        valid = np.random.default_rng(seed).choice(single, 1)
        train, single = np.setdiff1d(single, valid), single[:0]
    none = np.zeros(0, dtype=np.int64)
    return {"train": np.sort(np.concatenate([train, single])), "valid": np.sort(valid), "test": none}
