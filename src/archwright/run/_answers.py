"""What an exported file answers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from archwright.data import Split

Integers = NDArray[np.int64]


def answers(onnx: Path, split: Split) -> Integers:
    """The class (N,) that the exported file gives each sample of `split`, from raw input, ONNX Runtime alone."""
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches = (split.x[start : start + 512].float().numpy() for start in range(0, len(split), 512))
    found = [session.run(None, {name: x})[0].argmax(1) for x in batches]
    return np.concatenate(found).astype(np.int64) if found else np.zeros(0, dtype=np.int64)


def accuracy(found: Integers, split: Split) -> float:
    """Percent of the samples of `split` whose class was found; NaN without samples."""
    return 100.0 * float((found == split.y.numpy()).mean()) if len(split) else math.nan
