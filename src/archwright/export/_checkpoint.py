"""Weights from files of others."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from archwright.errors import UserError

_PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".tar")
_NESTED = ("state_dict", "model", "model_state_dict", "net", "weights")


def read_checkpoint(path: str | Path, *, trust: bool = False) -> dict[str, Tensor] | nn.Module:
    """The weights in a file, by name; of a trusted pickle perhaps a whole network.

    Args:
        path: `.safetensors`, `.npz`, or a file of `torch.save` (`.pt`, `.pth`, ...), of which by default only tensors
            are read: unpickling anything else runs code of whoever made the file.
        trust: unpickle whatever is there.

    Raises:
        UserError: no such file, an unknown kind, a damaged file, or a pickle of more than tensors without `trust`.
    """
    file = Path(path)
    if not file.is_file():
        raise UserError(f"no file {str(file)!r}")
    suffix = file.suffix.lower()
    if suffix == ".safetensors":
        try:
            return load_file(file)
        except safetensors.SafetensorError as error:
            raise UserError(f"{file} is not a readable safetensors file: {error}") from None
    if suffix == ".npz":
        return _arrays(file)
    if suffix in _PICKLES:
        return _unpickled(file, trust)
    raise UserError(f"{file} is of no known kind; give .safetensors, .npz, or a state dict as {', '.join(_PICKLES)}")


def load_checkpoint(module: nn.Module, path: str | Path, *, trust: bool = False) -> nn.Module:
    """`module` with the weights of a file.

    Raises:
        UserError: as `read_checkpoint`, or weights that do not fit; the first misfits are named.
    """
    found = read_checkpoint(path, trust=trust)
    state = found.state_dict() if isinstance(found, nn.Module) else found
    own = module.state_dict()
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    strange = [k for k in state if k not in own and not k.endswith("num_batches_tracked")]
    shapes = [k for k in own if k in state and own[k].shape != state[k].shape]
    for what, names in (("lacks", missing), ("has unknown", strange), ("has other shapes of", shapes)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise UserError(f"{path} does not fit {type(module).__name__}: it {what} {', '.join(names[:3])}{more}")
    module.load_state_dict({k: v for k, v in state.items() if k in own}, strict=False)
    return module


def _arrays(file: Path) -> dict[str, Tensor]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return {name: torch.from_numpy(stored[name]) for name in stored.files}
    except Exception as error:  # whatever the damage makes it
        raise UserError(f"{file} cannot be read: {error}") from None


def _unpickled(file: Path, trust: bool) -> dict[str, Tensor] | nn.Module:
    try:
        with warnings.catch_warnings(action="ignore"):  # of pickles of another maker, which are refused anyway
            found: Any = torch.load(file, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        if trust:
            raise UserError(f"{file} is not a readable checkpoint: {_line(error)}") from None
        raise UserError(
            f"{file} holds more than tensors, and reading it would run code of whoever made it; "
            "save its state dict as safetensors, or add --trust if you trust its maker"
        ) from None
    except Exception as error:  # whatever the damage makes it
        raise UserError(f"{file} is not a readable checkpoint: {_line(error)}") from None
    if isinstance(found, nn.Module):
        return found
    for key in _NESTED:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if isinstance(found, dict) and found and all(isinstance(v, Tensor) for v in found.values()):
        return {name.removeprefix("module."): tensor for name, tensor in found.items()}
    raise UserError(f"{file} holds no state dict (names to tensors) but {type(found).__name__}")


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
