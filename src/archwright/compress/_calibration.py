"""Calibration data in the forms that people have them in."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from archwright.compress._check import check_finite, check_takes
from archwright.data import Split
from archwright.errors import UserError

_FORMS = "a tensor, a tuple of the network's inputs, a data set, or batches such as a DataLoader's"


def gathered(module: nn.Module, calibration: Any) -> tuple[Tensor, ...]:
    """The inputs of the network, (N, ...) each, N at least 2.

    Args:
        module: that takes them.
        calibration: as `quantize` takes it.

    Raises:
        UserError: another kind of thing, fewer than 2 samples, values that are not finite, of them or of the network,
            or inputs that it cannot take.
    """
    if not isinstance(module, nn.Module):
        raise UserError(f"a torch.nn.Module is compressed, got {type(module).__name__}")
    if isinstance(calibration, Split):
        found: list[tuple[Tensor, ...]] = [(x,) for x, _ in calibration.batches(256)]
    elif isinstance(calibration, Tensor | np.ndarray | tuple | Mapping):
        found = [_inputs(module, calibration)]
    elif isinstance(calibration, Iterable | Dataset) and not isinstance(calibration, str | bytes):
        loader = DataLoader(calibration, 256) if isinstance(calibration, Dataset) else calibration
        found = [_inputs(module, batch) for batch in loader]
    else:
        raise UserError(f"calibration is {_FORMS}, got {type(calibration).__name__}")
    count = sum(len(parts[0]) for parts in found)
    if count < 2:
        raise UserError(f"calibration needs at least 2 samples, got {count}")
    shapes = {tuple(tuple(x.shape[1:]) for x in parts) for parts in found}
    if len(shapes) > 1:
        raise UserError(f"calibration batches differ in their shapes: {', '.join(map(str, sorted(shapes)[:3]))}")
    samples = tuple(torch.cat(parts) for parts in zip(*found, strict=True))
    if len({len(x) for x in samples}) > 1:
        raise UserError(f"the inputs of the network differ in number: {', '.join(str(len(x)) for x in samples)}")
    if not all(torch.isfinite(x).all() for x in samples):
        raise UserError("the calibration data hold values that are not finite")
    check_finite(module)
    check_takes(module, samples, "calibration samples")
    return samples


def _inputs(module: nn.Module, batch: Any) -> tuple[Tensor, ...]:
    """Of one batch; what follows the inputs, such as labels, is left out."""
    if isinstance(batch, Mapping):
        return _named(module, batch)
    if isinstance(batch, tuple | list):
        if batch and isinstance(batch[0], Mapping | tuple):
            return _inputs(module, batch[0])
        parts = list(batch[: max(1, _required(module))])
    else:
        parts = [batch]
    return _tensors(parts)


def _named(module: nn.Module, batch: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """By the names of the parameters of `forward`, as far as they go."""
    names = list(inspect.signature(module.forward).parameters)
    count = next((n for n, name in enumerate(names) if name not in batch), len(names))
    if not count or any(name in batch for name in names[count:]):
        raise UserError(f"the network takes {', '.join(names)}, calibration has {', '.join(map(str, batch))}")
    return _tensors([batch[name] for name in names[:count]])


def _tensors(parts: list[Any]) -> tuple[Tensor, ...]:
    strange = next((type(x).__name__ for x in parts if not isinstance(x, Tensor | np.ndarray) or not x.ndim), None)
    if strange or not parts:
        raise UserError(f"calibration is {_FORMS}, got {strange or 'nothing'} in a batch")
    return tuple(torch.as_tensor(x).detach() for x in parts)


def _required(module: nn.Module) -> int:
    """Inputs that the network cannot do without."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = inspect.signature(module.forward).parameters.values()
    return sum(p.kind in kinds and p.default is inspect.Parameter.empty for p in found)
