"""Arrays in memory -> Source: layout, number type, finiteness, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archwright.data._labels import encode_labels
from archwright.data._source import Source, fingerprint
from archwright.errors import UserError

_COLOURS = (1, 3, 4)


def from_arrays(name: str, parts: Mapping[str, tuple[Any, Any]], classes: Sequence[str] | None = None) -> Source:
    """Source from (x, y) pairs.

    Args:
        name: shown to people.
        parts: "train" and, if the data comes with them, "valid" and "test"; x as `as_samples` takes it, y as
            `encode_labels` does.
        classes: class names, if the labels are 0..K-1.

    Raises:
        UserError: parts that do not fit together, values that are not finite, labels that are none.
    """
    _check_parts(name, parts)
    xs = {
        part: as_samples(x, f"{name}: x of {part}" if len(parts) > 1 else f"{name}: x")
        for part, (x, _) in parts.items()
    }
    ys = {part: _labels(y, f"{name}: y") for part, (_, y) in parts.items()}
    for part, x in xs.items():
        if len(x) != len(ys[part]):
            where = f" of {part}" if len(parts) > 1 else ""
            raise UserError(f"{name}: x{where} has {len(x)} samples but y has {len(ys[part])} labels")
        if x.shape[1:] != xs["train"].shape[1:] or x.dtype != xs["train"].dtype:
            raise UserError(
                f"{name}: a sample of {part} is {tuple(x.shape[1:])} {x.dtype}, "
                f"of train {tuple(xs['train'].shape[1:])} {xs['train'].dtype}"
            )
    x = torch.cat(list(xs.values())) if len(xs) > 1 else xs["train"]
    y, names = encode_labels(np.concatenate(list(ys.values())), f"{name}: y", classes)
    return Source(
        name=name,
        kind="image" if x.ndim == 4 else "table",
        x=x,
        y=y,
        classes=names,
        fixed=positions({part: len(x) for part, x in xs.items()}),
        fingerprint=fingerprint(x.numpy(), y),
    )


def positions(lengths: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Where the valid and test parts lie when all parts are joined in order."""
    ends = np.cumsum(list(lengths.values()))
    return {
        part: np.arange(end - lengths[part], end) for part, end in zip(lengths, ends, strict=True) if part != "train"
    }


def as_samples(values: Any, where: str) -> Tensor:
    """uint8 or float32 (N, C, H, W), or float32 (N, F).

    Accepted: (N, F) rows; (N, H, W) gray images; (N, H, W, C) or (N, C, H, W) images. Four axes are read as N, H, W, C
    if the last is 1, 3 or 4 long and the second is not; otherwise as N, C, H, W. Images of bytes stay bytes, every
    other number becomes float32.

    Raises:
        UserError: another number of axes, no samples, not numbers, NaN or infinite values.
    """
    x = values.detach().cpu() if isinstance(values, Tensor) else _as_tensor(values, where)
    if x.is_complex():
        raise UserError(f"{where} must hold real numbers, got {x.dtype}")
    if x.ndim not in (2, 3, 4):
        raise UserError(f"{where} must have 2 (rows), 3 (gray images) or 4 axes (images), got shape {tuple(x.shape)}")
    if 0 in x.shape:
        raise UserError(f"{where} is empty: shape {tuple(x.shape)}")
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[-1] in _COLOURS and x.shape[1] not in _COLOURS:
        x = x.permute(0, 3, 1, 2)
    if x.dtype != torch.uint8 or x.ndim == 2:
        x = x.to(torch.float32)
    _check_finite(x, where)
    return x.contiguous()


def _as_tensor(values: Any, where: str) -> Tensor:
    array = as_array(values, where)
    if array.dtype.kind not in "buif":
        raise UserError(f"{where} must hold numbers, got {array.dtype}")
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if native.dtype.kind == "f" and native.dtype.itemsize not in (2, 4, 8):
        native = native.astype(np.float64)
    return torch.from_numpy(np.array(native))


def as_array(values: Any, where: str) -> np.ndarray:
    """`numpy.asarray`.

    Raises:
        UserError: nested sequences of different lengths.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        raise UserError(f"{where} is not an array: its rows differ in length") from error


def _check_finite(x: Tensor, where: str) -> None:
    if not x.is_floating_point() or bool(torch.isfinite(x).all()):
        return
    bad = ~torch.isfinite(x).flatten(1)
    nan = int(torch.isnan(x).sum())
    first = int(bad.any(1).nonzero()[0])
    raise UserError(f"{where} holds {nan} NaN and {int(bad.sum()) - nan} infinite values, first in sample {first}")


def _labels(y: Any, where: str) -> np.ndarray:
    labels = as_array(y.detach().cpu().numpy() if isinstance(y, Tensor) else y, where)
    if labels.ndim == 0:
        raise UserError(f"{where} must hold one label a sample, got {y!r}")
    return labels


def _check_parts(name: str, parts: Mapping[str, Any]) -> None:
    unknown = sorted(set(parts) - {"train", "valid", "test"})
    if unknown or "train" not in parts:
        raise UserError(f"{name}: parts must be 'train' and optionally 'valid', 'test', got {sorted(parts)}")
