"""Scores of a trained module on a split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archwright.data import Splits
from archwright.errors import UserError
from archwright.train._device import FixedPrecision, arranged, autocast, memory_format

if TYPE_CHECKING:
    from archwright.data import Split


def evaluate(
    module: nn.Module,
    split: Split | Splits,
    *,
    args: tuple[Any, ...] = (),
    batch_size: int = 512,
    precision: FixedPrecision = "32",
    device: torch.device | str | None = None,
    channels_last: bool | Literal["auto"] = "auto",
) -> dict[str, float]:
    """Accuracy and loss in eval mode, without gradients; the module's train or eval mode is restored afterwards.

    Args:
        module: `module(x, *args)` returns logits (N, classes).
        split: what to score on; of `Splits`, the validation part.
        args: further arguments of the forward pass, such as an architecture.
        batch_size: samples a forward pass.
        precision: `"32"`, as the network will be exported, or the format of autocast.
        device: where the batches go; None means where the module is. The module is not moved.
        channels_last: layout of images; `"auto"` means yes.

    Returns:
        `accuracy` in percent and `loss`, the mean cross-entropy in nats.

    Raises:
        UserError: the split is empty.
    """
    part = split.valid if isinstance(split, Splits) else split
    logits = predict_logits(
        module,
        part,
        args=args,
        batch_size=batch_size,
        precision=precision,
        device=device,
        channels_last=channels_last,
    )
    y = part.y.to(logits.device)
    correct = int((logits.argmax(1) == y).sum())
    return {"accuracy": 100.0 * correct / len(y), "loss": float(F.cross_entropy(logits, y))}


def predict_logits(
    module: nn.Module,
    split: Split,
    *,
    args: tuple[Any, ...] = (),
    batch_size: int = 512,
    precision: FixedPrecision = "32",
    device: torch.device | str | None = None,
    channels_last: bool | Literal["auto"] = "auto",
) -> Tensor:
    """Logits of every sample in stored order, float32 (N, classes) on the CPU. Arguments as `evaluate`.

    Raises:
        UserError: the split is empty.
    """
    if len(split) == 0:
        raise UserError("cannot evaluate on a split of 0 samples; give the data a larger part for it")
    place = torch.device(device) if device is not None else module_device(module)
    layout = memory_format(channels_last, len(split.x.shape))
    with _evaluating(module), torch.inference_mode(), autocast(place, precision):
        batches = split.batches(batch_size, device=place)
        logits = [module(arranged(x, layout), *args).float().cpu() for x, _ in batches]
    return torch.cat(logits).clone()


def module_device(module: nn.Module) -> torch.device:
    """Device of the first parameter or buffer; the CPU if there is none."""
    for tensor in (*module.parameters(), *module.buffers()):
        return tensor.device
    return torch.device("cpu")


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode inside; every submodule's own mode comes back afterwards."""
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for m, training in modes:
            m.training = training
