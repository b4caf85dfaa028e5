"""An exported network back as a module."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from archwright.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Buffer


class _Reader(SourceFileLoader):
    """Leaves no `__pycache__` beside the exported files."""

    def set_data(self, path: str, data: Buffer, *, _mode: int = 0o666) -> None:
        """Byte code is not kept."""


def load(folder: str | Path) -> nn.Module:
    """The network in `folder` in eval mode, built by its own `model.py` with the weights of `model.safetensors`.

    This runs the code of `model.py`: name only folders you trust. Weights are read with safetensors, never unpickled.

    Raises:
        UserError: a file is missing, or `model.py` has no `load`.
    """
    place = Path(folder)
    missing = [name for name in ("model.py", "model.safetensors") if not (place / name).is_file()]
    if missing:
        raise UserError(f"no exported network in {place}: {' and '.join(missing)} missing")
    loader = _Reader("archwright_exported_model", str(place / "model.py"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    namespace = importlib.util.module_from_spec(spec)
    with torch.random.fork_rng(devices=[]):  # layers draw initial weights before the saved ones replace them
        loader.exec_module(namespace)
        build = vars(namespace).get("load")
        if build is None:
            raise UserError(f"{place / 'model.py'} has no function load(folder)")
        network = build(place)
    assert isinstance(network, nn.Module)
    return network
