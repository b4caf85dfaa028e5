"""Post-training quantisation of ResNet-20 by other libraries, for `compression.py`."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archwright.export import to_onnx

Network = Callable[[Tensor], Tensor]
ENDS = ("conv1", "linear")  # first and last layer of ResNet-20, at 8 bits


def onnxruntime(module: nn.Module, images: Tensor, bits: int) -> Network:
    """Static quantisation of ONNX Runtime, min-max ranges, weights per channel."""
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    if bits != 8:
        raise ValueError("static quantisation of ONNX Runtime has 8 bits for convolutions")

    class Reader(CalibrationDataReader):
        def __init__(self, name: str) -> None:
            self.batches = iter([{name: x.numpy()} for x in images.split(1)])

        def get_next(self) -> dict[str, Any] | None:
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        to_onnx(module, images[:1], before)
        name = onnxruntime.InferenceSession(before).get_inputs()[0].name
        quantize_static(
            before, after, Reader(name), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        session = onnxruntime.InferenceSession(after.read_bytes())
    return lambda x: torch.from_numpy(session.run(None, {name: x.numpy()})[0])


def torchao(module: nn.Module, images: Tensor, bits: int) -> Network:
    """PT2E of torchao with the quantiser for x86: histogram ranges of activations, symmetric weights per channel."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    known = x86.get_default_x86_inductor_quantization_config()
    half = 2 ** (bits - 1)
    fewer = dataclasses.replace(
        known,
        input_activation=dataclasses.replace(known.input_activation, quant_min=0, quant_max=2 * half - 1),
        weight=dataclasses.replace(known.weight, quant_min=1 - half, quant_max=half - 1),
    )
    quantiser = x86.X86InductorQuantizer().set_global(fewer)
    for name in ENDS:
        quantiser.set_module_name_qconfig(name, known)
    prepared = prepare_pt2e(_program(module, images), quantiser)
    for x in images.split(100):
        prepared(x)
    return convert_pt2e(prepared)


def nncf(module: nn.Module, images: Tensor, bits: int) -> Network:
    """Post-training quantisation of NNCF with fast bias correction, its default; 8 bits are all it has."""
    import nncf

    if bits != 8:
        raise ValueError("NNCF quantises activations to 8 bits")
    program = _program(module, images)
    with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
        return nncf.quantize(program, nncf.Dataset(list(images.split(1))), subset_size=len(images))


PEERS: dict[str, tuple[Callable[[nn.Module, Tensor, int], Network], tuple[int, ...]]] = {
    "onnxruntime": (onnxruntime, (8,)),
    "nncf": (nncf, (8,)),
    "torchao": (torchao, (8, 6, 5, 4, 3, 2)),
}


def _program(module: nn.Module, images: Tensor) -> nn.Module:
    batch = {0: torch.export.Dim.DYNAMIC}
    return torch.export.export(module.eval(), (images[:2],), dynamic_shapes=(batch,)).module()
