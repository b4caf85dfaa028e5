"""A quantised network as ONNX that runtimes execute with 8-bit integers."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, fx

from archwright.compress import deployable, quantised_layers
from archwright.compress._deployable import Unsupported
from archwright.cost._mode import inference
from archwright.cost._onnx import to_onnx
from archwright.errors import UserError
from archwright.export._agreement import Agreement, agreement
from archwright.export._int4 import four_bits
from archwright.export._operators import Operators, operators
from archwright.export._qdq import with_operators

LEAST_SQNR = 20.0
"""Decibels between the simulated network and the runtime that every file has."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Int8:
    """What `save_int8` wrote.

    Args:
        path: of the file.
        size: bytes.
        simulated: the network in PyTorch as the runtime computes it.
        agreement: the file in ONNX Runtime against that.
        operators: what ONNX Runtime makes of the file here.
    """

    path: Path
    size: int
    simulated: fx.GraphModule
    agreement: Agreement
    operators: Operators

    def to_dict(self) -> dict[str, Any]:
        """JSON values by field name, without path and network."""
        return {
            "size": self.size,
            "agreement": dataclasses.asdict(self.agreement),
            "operators": self.operators.to_dict(),
        }


def save_int8(
    graph: fx.GraphModule,
    path: str | Path,
    *,
    calibration: Tensor,
    check_x: Tensor | None = None,
    classes: Sequence[str] = (),
    reduce_range: bool = False,
    int4: bool = False,
    unsupported: Unsupported = "refuse",
) -> Int8:
    """Write a quantised network as ONNX with QuantizeLinear and DequantizeLinear around every integer operation, and
    with the steps and zero points that were calibrated or learned. ONNX Runtime, OpenVINO and TensorRT fuse these
    into integer kernels.

    Activations are uint8. Weights are one grid an output channel: int8 without zero points where they are symmetric or
    have fewer than 8 bits, in containers of 8 bits; uint8 with zero points where 8 bits are asymmetric, which not every
    runtime takes, and for which ONNX Runtime has no fast kernel. Biases are int32. What is written is
    `compress.deployable(graph, ...)`; the file appears only when ONNX Runtime agrees with it.

    Args:
        graph: from `compress.quantize` or `compress.deployable`.
        path: of the file.
        calibration: inputs as the network takes them, (N, ...), at least 2, for quantisers that a runtime needs and
            `quantize` has not put.
        check_x: inputs to verify on; default: those of the calibration.
        classes: names of the outputs, kept in the file.
        reduce_range: 7-bit symmetric weights, for processors without VNNI (`compress.deployable`).
        int4: weights of up to 4 bits as 4-bit tensors, opset 21: half the size, but no kernel computes with them, so
            that their layers run in floats, slower than without quantisation.
        unsupported: `"float"` ships layers without an 8-bit form with dequantised float weights.

    Raises:
        UserError: a layer without an 8-bit form, calibration of fewer than 2 samples, or what cannot become ONNX.
        ArchwrightError: ONNX Runtime disagrees with the simulated network.
    """
    if len(calibration) < 2:
        raise UserError(f"calibration needs at least 2 samples, got {len(calibration)}")
    graph, calibration = copy.deepcopy(graph).cpu(), calibration.cpu()
    simulated = deployable(graph, calibration, reduce_range=reduce_range, unsupported=unsupported)
    target = Path(path)
    staged = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        written = with_operators(simulated, _ranks(simulated, calibration[:2]), int4=int4)
        to_onnx(written, calibration[:2], staged, metadata={"classes": json.dumps(list(classes)), "precision": "int8"})
        _shrink(staged, int4=int4)
        found = agreement(staged, simulated, calibration if check_x is None else check_x)
        found.require_ratio(LEAST_SQNR, target.name)
        run = operators(staged)
        os.replace(staged, target)
    finally:
        staged.unlink(missing_ok=True)
    return Int8(path=target, size=target.stat().st_size, simulated=simulated, agreement=found, operators=run)


def _ranks(graph: fx.GraphModule, x: Tensor) -> dict[str, int]:
    """Axes of the input of every layer."""
    found: dict[str, int] = {}
    handles = [
        layer.register_forward_pre_hook(lambda module, args, name=name: found.__setitem__(name, args[0].ndim))
        for name, layer in quantised_layers(graph).items()
    ]
    try:
        with inference(graph):
            graph(x)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _shrink(path: Path, *, int4: bool) -> None:
    """Without the shapes of values between the operators, which every reader infers."""
    import onnx

    model = onnx.load(path)
    del model.graph.value_info[:]
    if int4:
        four_bits(model)
    onnx.checker.check_model(model, full_check=True)
    del model.graph.value_info[:]
    onnx.save(model, path)
