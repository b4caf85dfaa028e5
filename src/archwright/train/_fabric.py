"""Lightning Fabric, kept quiet. Imported late: it takes longer to import than everything else in this room."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import torch

from archwright.train._device import FixedPrecision

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_PRECISIONS: dict[FixedPrecision, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
}


def launched_fabric(device: torch.device, devices: int, precision: FixedPrecision) -> Fabric:
    """A Fabric on `devices` devices of the kind of `device`, its processes started.

    With more than one device Fabric runs the calling script once per device (unless `torchrun` has done so already).
    """
    with _quiet():
        from lightning_fabric import Fabric

        chosen = [device.index] if device.index is not None and device.type != "cpu" and devices == 1 else devices
        fabric = Fabric(accelerator=device.type, devices=chosen, precision=_PRECISIONS[precision])
        if devices > 1:
            fabric.launch()
    return fabric


@contextmanager
def _quiet() -> Iterator[None]:
    """No announcements ("Using bfloat16 Automatic Mixed Precision"); warnings still come through."""
    logger = logging.getLogger("lightning_fabric")
    import lightning_fabric  # noqa: F401  sets the level of its logger when imported

    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
