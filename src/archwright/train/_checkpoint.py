"""The file a run of the loop continues from."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archwright.errors import ArchwrightError, UserError

_FORMAT, _VERSION = "archwright.train", 1
_NEEDED = {"settings", "module"}
_SHOWN = 4


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings and containers of them) so that `path` is always whole: new file, then
    rename.

    Raises:
        ArchwrightError: the file cannot be written; an old one is as it was.
    """
    content = io.BytesIO()  # torch's own writer hides the reason when a disk is full
    torch.save({"format": _FORMAT, "version": _VERSION, **state}, content)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ArchwrightError(f"cannot write checkpoint {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any]:
    """The state stored at `path`, its tensors on the CPU. Nothing but tensors and plain values is ever unpickled.

    Raises:
        ArchwrightError: the file is damaged, is not such a checkpoint, or is of a later version.
    """
    if not zipfile.is_zipfile(path):
        raise ArchwrightError(f"cannot read checkpoint {path}: damaged or of another kind; delete it to start again")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        reason = str(error).strip().split("\n", 1)[0][:120] or type(error).__name__
        raise ArchwrightError(f"cannot read checkpoint {path}: {reason}; delete it to start again") from None
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise ArchwrightError(f"{path} is not a training checkpoint of archwright; choose another path or delete it")
    if state["version"] != _VERSION:
        raise ArchwrightError(
            f"checkpoint {path} has format version {state['version']}, this archwright reads {_VERSION}; "
            "continue with the version that wrote it or delete it"
        )
    return state


def check(path: Path, stored: Mapping[str, Any], settings: Mapping[str, Any], module: nn.Module) -> None:
    """Refuse a checkpoint of another configuration.

    Args:
        path: named in the message.
        stored: what `load` gave.
        settings: everything that decides the result: trainer, seed, data, step.
        module: its tensors must have the stored names and shapes.

    Raises:
        UserError: names what differs.
        ArchwrightError: the checkpoint lacks something.
    """
    if not stored.keys() >= _NEEDED:
        missing = ", ".join(sorted(_NEEDED - stored.keys()))
        raise ArchwrightError(f"cannot read checkpoint {path}: it has no {missing}; delete it to start again")
    then, now = stored["settings"], settings
    differ = [f"{k}={then.get(k)!r} (now {now.get(k)!r})" for k in {**then, **now} if then.get(k) != now.get(k)]
    if not differ:
        differ = _shape_differences(stored["module"], module.state_dict())
    if differ:
        more = f" and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
        raise UserError(
            f"checkpoint {path} is of another configuration: {', '.join(differ[:_SHOWN])}{more}; "
            "use the same settings, another path, or delete it"
        )


def _shape_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    sides = [{k: tuple(v.shape) for k, v in side.items() if isinstance(v, Tensor)} for side in (then, now)]
    before, present = sides
    return [
        f"{name} {before.get(name, 'absent')} (now {present.get(name, 'absent')})"
        for name in {**before, **present}
        if before.get(name) != present.get(name)
    ]


def copied(value: Any) -> Any:
    """A copy of nested dicts and lists whose tensors no longer change, in the memory layout they have."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {k: copied(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [copied(v) for v in value]
    return value
