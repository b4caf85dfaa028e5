"""Weights of up to 4 bits as 4-bit tensors of an ONNX file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

_OPSET = 21  # the first whose DequantizeLinear takes 4 bits


def four_bits(model: onnx.ModelProto) -> list[str]:
    """Store constants that a DequantizeLinear reads and whose codes and zero points fit in 4 bits as INT4 or UINT4, two
    in a byte, in place.

    Returns:
        Names of the constants.
    """
    import onnx
    from onnx import TensorProto, numpy_helper

    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    kinds = {TensorProto.INT8: (TensorProto.INT4, -8, 7), TensorProto.UINT8: (TensorProto.UINT4, 0, 15)}
    changed: list[str] = []
    for node in model.graph.node:
        pair = [stored.get(name) for name in (node.input[0], *node.input[2:3])]
        if node.op_type != "DequantizeLinear" or len(pair) < 2:
            continue
        codes, zeros = pair
        if codes is None or zeros is None or codes.data_type not in kinds:
            continue
        kind, least, most = kinds[codes.data_type]
        arrays = [numpy_helper.to_array(codes), numpy_helper.to_array(zeros)]
        if not all(least <= a.min() and a.max() <= most for a in arrays):
            continue
        for tensor, array in ((codes, arrays[0]), (zeros, arrays[1])):
            small = onnx.helper.make_tensor(tensor.name, kind, array.shape, _halves(array), raw=True)
            tensor.CopyFrom(small)
        changed.append(codes.name)
    if changed:
        for opset in model.opset_import:
            opset.version = max(opset.version, _OPSET) if opset.domain == "" else opset.version
    return changed


def _halves(codes: np.ndarray) -> bytes:
    """Two codes in a byte, the first in the lower half."""
    flat = codes.astype(np.int16).ravel() & 15
    flat = np.append(flat, np.zeros(len(flat) % 2, dtype=np.int16))
    return (flat[::2] | flat[1::2] << 4).astype(np.uint8).tobytes()
