"""The files of an answer, and their latency: written and measured in one way, for a candidate as for the answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from archwright import cost, export
from archwright.cost import Latency
from archwright.data import Splits
from archwright.export import Exported
from archwright.run._state import State
from archwright.space import Arch

_AGAIN, _PAUSE = 4, 2.0  # more measurements of a file that seems too slow, and seconds between them


def written(
    state: State, arch: Arch, module: nn.Module, folder: Path, *, card: Mapping[str, object] | None = None
) -> Exported:
    """Export the plain network `module` of `arch`, normalisation included, to `folder`, verified."""
    splits = state.splits
    return export.save(
        nn.Sequential(splits.normalizer(), module.cpu()).eval(),
        folder,
        example=splits.train.x[:1].float(),
        architecture=arch,
        space=state.net.space.name,
        classes=splits.classes,
        card=card,
        check_x=splits.train.x[:256].float(),
        input_range=value_range(splits),
    )


def size(exported: Exported) -> int:
    """Bytes of the larger of the two files that hold the weights."""
    return max(exported.sizes["model.onnx"], exported.sizes["model.safetensors"])


def latency(exported: Exported, splits: Splits, *, threads: int = 1, limit: float | None = None) -> Latency:
    """Latency of `model.onnx`, one input. Over the limit it is measured again: other work on the machine adds time and
    never takes any away, so the fastest measurement is the truest."""
    example = splits.train.x[:1].float().numpy()
    best = cost.onnx_latency(exported.paths["model.onnx"], example, threads=threads)
    for _ in range(_AGAIN):
        if limit is None or best.p90_ms <= limit:
            break
        time.sleep(_PAUSE)
        again = cost.onnx_latency(exported.paths["model.onnx"], example, threads=threads)
        best = min(best, again, key=lambda measured: measured.ms)
    return best


def value_range(splits: Splits) -> tuple[float, float]:
    """Smallest and largest raw value of the training part (of its first thousands)."""
    x = splits.train.x[:8192]
    return float(x.min()), float(x.max())
