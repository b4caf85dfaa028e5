"""A `torch.utils.data.Dataset` -> arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from archwright.data._pixels import is_gray, pixels, upright_size
from archwright.errors import UserError


def read_dataset(dataset: Dataset[Any], name: str, image_size: int | None) -> tuple[Any, np.ndarray]:
    """Read every sample once, in order: x as `as_samples` takes it, and labels (N,).

    Each sample is a pair of an image (PIL, or a tensor or array of equal shape for all) and a label. PIL images become
    bytes. A random transform inside the data set is frozen at what it gives now.

    Raises:
        UserError: samples of another form, or of different shapes.
    """
    if isinstance(dataset, TensorDataset) and len(dataset.tensors) == 2:
        return dataset.tensors[0], dataset.tensors[1].cpu().numpy()
    pairs = [_pair(sample, name, i) for i, sample in enumerate(_samples(dataset, name))]
    if not pairs:
        raise UserError(f"{name} is empty")
    labels = np.array(
        [int(y) if isinstance(y, Tensor | np.generic) and not isinstance(y, str) else y for _, y in pairs]
    )
    return _stack([x for x, _ in pairs], name, image_size), labels


def _samples(dataset: Dataset[Any], name: str) -> Iterator[Any]:
    if isinstance(dataset, IterableDataset):
        return iter(dataset)
    try:
        length = len(dataset)  # type: ignore[arg-type]
    except TypeError as error:
        raise UserError(f"{name} has no length; give it a __len__, or make it an IterableDataset") from error
    return (dataset[i] for i in range(length))


def _pair(sample: Any, name: str, i: int) -> tuple[Any, Any]:
    if not isinstance(sample, tuple | list) or len(sample) != 2:
        shape = f" of {len(sample)}" if isinstance(sample, tuple | list) else ""
        raise UserError(f"{name}: sample {i} is a {type(sample).__name__}{shape}; it must be a pair (image, label)")
    x, y = sample
    if not isinstance(x, Image.Image | Tensor | np.ndarray):
        raise UserError(f"{name}: the image of sample {i} is a {type(x).__name__}, not a tensor, array or PIL image")
    scalar = isinstance(y, int | str | np.integer) or (
        isinstance(y, Tensor) and y.numel() == 1 and not y.is_floating_point()
    )
    if not scalar:
        raise UserError(f"{name}: the label of sample {i} is a {type(y).__name__}, not an integer or a string")
    return x, y


def _stack(samples: Sequence[Any], name: str, image_size: int | None) -> Any:
    if all(isinstance(x, Image.Image) for x in samples):
        return _stack_images(samples, name, image_size)
    if any(isinstance(x, Image.Image) for x in samples):
        raise UserError(f"{name} mixes PIL images with tensors")
    tensors = [torch.as_tensor(x) for x in samples]
    _check_equal([tuple(x.shape) for x in tensors], name, "resize them in the data set")
    return torch.stack(tensors)


def _stack_images(images: Sequence[Image.Image], name: str, image_size: int | None) -> Tensor:
    sizes = [upright_size(image) for image in images]
    if image_size is None:
        _check_equal(sizes, name, "give image_size")
    height, width = (image_size, image_size) if image_size is not None else sizes[0]
    shape = (1 if all(map(is_gray, images)) else 3, height, width)
    return torch.from_numpy(np.stack([pixels(image, shape) for image in images]))


def _check_equal(shapes: Iterable[tuple[int, ...]], name: str, advice: str) -> None:
    first, *rest = shapes
    for i, shape in enumerate(rest, 1):
        if shape != first:
            raise UserError(f"{name}: sample {i} has shape {shape}, sample 0 {first}; {advice}")
