"""Quantised networks on ONNX Runtime: latency, size and accuracy beside the float file, in the same run.

ResNet-20 with 16, 32 and 64 channels in its first stage (He et al. 2016; untrained: only the time matters) as float
ONNX, with 8-bit weights (symmetric: int8; asymmetric: uint8 with zero points), with 4-bit codes in containers of
8 bits, and with 4-bit weight tensors, which no kernel computes with. Each file is timed in turn with the float one
(A B A B ...), one thread, batch 1, with the CPU/wall filter; the ratio is the median over neighbouring samples.

The CIFAR-10 ResNet-20 with published weights, if the data are there: the same, ONNX Runtime's own static quantisation
beside it, test accuracy of the float, the simulated and the written network, bytes of every file.

`python benchmarks/deployment.py [IMAGES]`, on a machine that does nothing else; about ten minutes for 10,000 images.
Writes `benchmarks/results/deployment.json` for 1,000 images or more, else only prints.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _measuring import write
from torch import Tensor, nn

from archwright import bench, compress, cost, data, export
from archwright.compress import Quantization, quantize
from archwright.cost._onnx import session
from archwright.errors import ArchwrightError

WIDTHS, IMAGES, LEAST, REPEATS, CALIBRATION, SEED = (16, 32, 64), 10_000, 1_000, 100, 500, 0
SCHEMES: dict[str, tuple[int, int, bool, bool]] = {
    "W8A8 int8": (8, 8, True, False),
    "W8A8 uint8 with zero points": (8, 8, False, False),
    "W4A4 in 8-bit containers": (4, 4, True, False),
    "W4A8 as 4-bit tensors": (4, 8, True, True),
}
"""Bits of weights and activations, symmetric weights, 4-bit tensors."""


class Block(nn.Module):
    """Two convolutions and a shortcut without parameters, or with one convolution where the size changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(inputs, outputs, 3, stride, 1), nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.short = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.short(x) + self.b(F.relu(self.a(x))))


def resnet20(width: int) -> nn.Module:
    """Convolutions as after folding, initialised so that activations keep their size."""
    torch.manual_seed(SEED)
    stages: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1), nn.ReLU()]
    for stage, channels in enumerate((width, 2 * width, 4 * width)):
        before = channels if stage == 0 else channels // 2
        stages += [Block(before if n == 0 else channels, channels, 1 + (stage > 0 and n == 0)) for n in range(3)]
    return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, 10)).eval()


def rows(net: nn.Module, calibration: Tensor, folder: Path, x: Tensor, y: Tensor | None) -> Iterator[dict[str, Any]]:
    """The float file and every scheme."""
    folder.mkdir()
    original = export.to_onnx(net, calibration[:2], folder / "float.onnx")
    latency = cost.onnx_latency(original, x[:1], repeats=REPEATS)
    found = {"scheme": "float", "bytes": original.stat().st_size, "ms": latency.ms, "contended": latency.contended}
    yield {**found, **accuracies(net, original, x, y)}
    for name, (bits, activations, symmetric, int4) in SCHEMES.items():
        graph = quantize(
            net,
            calibration,
            bits=bits,
            activation_bits=activations,
            method=Quantization(ranges="mse", symmetric=symmetric),
        )
        path = folder / f"{name}.onnx"
        written = export.save_int8(graph, path, calibration=calibration, int4=int4)
        packed = compress.pack(graph, folder / "packed.safetensors")
        yield {
            "scheme": name,
            "bytes": written.size,
            "packed_bytes": packed,
            "size": written.size / original.stat().st_size,
            **timed(original, path, x),
            "operators": written.operators.to_dict(),
            "sqnr_db": written.agreement.sqnr_db,
            **accuracies(written.simulated, path, x, y),
        }


def timed(original: Path, path: Path, x: Tensor) -> dict[str, Any]:
    """Against the float file, in turn."""
    both = cost.compare_onnx_latency(original, path, x[:1], repeats=REPEATS)
    return {"ms": both.second.ms, "float_ms": both.first.ms, "speed_up": both.ratio, "contended": both.contended}


@torch.no_grad()
def accuracies(net: nn.Module, path: Path, x: Tensor, y: Tensor | None) -> dict[str, float]:
    """Percent, of the network in PyTorch and of its file in ONNX Runtime."""
    if y is None:
        return {}
    in_torch = torch.cat([net(part).argmax(1) for part in x.split(250)])
    return {"simulated_accuracy": percent(in_torch, y), "accuracy": percent(answers(path, x), y)}


def answers(path: Path, x: Tensor) -> Tensor:
    """Classes that a file gives."""
    running = session(path)
    name = running.get_inputs()[0].name
    found = [running.run(None, {name: part.numpy()})[0].argmax(1) for part in x.split(250)]
    return torch.from_numpy(np.concatenate(found))


def percent(found: Tensor, y: Tensor) -> float:
    """Share of right answers."""
    return 100 * float((found == y).float().mean())


def peer(calibration: Tensor, folder: Path, x: Tensor, y: Tensor) -> dict[str, Any]:
    """ONNX Runtime's own static quantisation: QDQ, per channel, int8 weights, extremes of the calibration data."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = iter([{"input": part.numpy()} for part in calibration.split(50)])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._batches, None)

    original, path = folder / "float.onnx", folder / "peer.onnx"
    with warnings.catch_warnings(action="ignore"):
        quant_pre_process(str(original), str(folder / "pre.onnx"))
        quantize_static(
            str(folder / "pre.onnx"),
            str(path),
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    return {
        "scheme": "ONNX Runtime quantize_static",
        "bytes": path.stat().st_size,
        "size": path.stat().st_size / original.stat().st_size,
        **timed(original, path, x),
        "operators": export.operators(path).to_dict(),
        "accuracy": percent(answers(path, x), y),
    }


def pretrained(folder: Path, images: int) -> dict[str, Any]:
    """The published network on its test images."""
    try:
        known = bench.pretrained("cifar10_resnet20")
        splits = data.load("cifar10", seed=SEED)
    except ArchwrightError as error:
        return {"absent": str(error)}
    calibration = next(iter(known.normalised(splits.train).batches(CALIBRATION)))[0]
    x, y = next(iter(known.normalised(splits.test).batches(images)))
    found = list(rows(known.module, calibration, folder, x, y))
    return {"images": len(x), "rows": [*found, peer(calibration, folder, x, y)]}


def main(images: int) -> None:
    """Write, time, judge."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    generator = torch.Generator().manual_seed(SEED)
    x = torch.randn(50, 3, 32, 32, generator=generator)
    latency = cost.latency(nn.Linear(2, 2), (1, 2), runtime="onnxruntime", repeats=3)
    with tempfile.TemporaryDirectory() as scratch:
        record = {
            "device": latency.device,
            "flags": list(latency.flags),
            "runtime": f"onnxruntime {latency.version}",
            "widths": {w: list(rows(resnet20(w), x, Path(scratch) / str(w), x, None)) for w in WIDTHS},
            "cifar10_resnet20": pretrained(Path(scratch) / "pretrained", images),
        }
    record["seconds"] = time.perf_counter() - start
    for where, found in {**record["widths"], "cifar10_resnet20": record["cifar10_resnet20"].get("rows", [])}.items():
        for row in found:
            keys = ("scheme", "bytes", "packed_bytes", "size", "ms", "speed_up", "simulated_accuracy", "accuracy")
            print(where, json.dumps({key: row[key] for key in keys if key in row}))
    if images >= LEAST:
        print(write("deployment", record))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
