"""An exported network in a run folder (or its `best/`), ready to answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archwright.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    Answer = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What `best/` says about its network.

    Args:
        folder: `best/` itself.
        shape: of one input, (C, H, W) or (F,).
        classes: names of the outputs; empty if not known.
        facts: content of `architecture.json`.
    """

    folder: Path
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    facts: dict[str, Any]

    @classmethod
    def find(cls, run: str | Path) -> Exported:
        """The export of a run.

        Args:
            run: run folder, or the folder of an export.

        Raises:
            UserError: no such folder, or nothing exported in it.
        """
        place = Path(run)
        folder = place / "best" if (place / "best").is_dir() else place
        description = folder / "architecture.json"
        if not description.is_file():
            reason = "nothing was exported there yet" if place.is_dir() else "no such folder"
            raise UserError(f"no network in {place}: {reason}; give a run folder that 'archwright search' has finished")
        facts = json.loads(description.read_text(encoding="utf-8"))
        return cls(
            folder=folder,
            shape=tuple(facts["input_shape"]),
            classes=tuple(facts.get("classes") or ()),
            facts=facts,
        )

    def answer(self) -> Answer:
        """From inputs (N, *shape) float32 to logits (N, classes): the ONNX file, or without it `model.py`."""
        return onnx(self.folder / "model.onnx") if (self.folder / "model.onnx").is_file() else self._torch()

    def _torch(self) -> Answer:
        import torch

        from archwright import export

        network = export.load(self.folder)

        def answer(x: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                logits: np.ndarray = network(torch.from_numpy(x)).numpy()
            return logits

        return answer


def onnx(file: Path) -> Answer:
    """The network of an ONNX file, run by ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def answer(x: np.ndarray) -> np.ndarray:
        logits: np.ndarray = session.run(None, {name: x})[0]
        return logits

    return answer


def onnx_shape(file: Path) -> tuple[int, ...]:
    """The shape of one input of an ONNX file, without its batch.

    Raises:
        UserError: no such file, not ONNX, or a size that the file leaves open.
    """
    import onnxruntime

    if not file.is_file():
        raise UserError(f"no file {str(file)!r}")
    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    except Exception as error:  # its own errors share no base class
        raise UserError(f"{file} cannot be read as ONNX: {' '.join(str(error).split())}") from None
    shape = session.get_inputs()[0].shape[1:]
    if not all(isinstance(size, int) for size in shape):
        raise UserError(f"{file} takes inputs of open size {shape}; only the batch may be open")
    return tuple(shape)
