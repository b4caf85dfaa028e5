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
        names = [node.input[0], *node.input[2:3]]
        if node.op_type != "DequantizeLinear" or len(names) < 2 or not all(name in stored for name in names):
            continue
        if stored[names[0]].data_type not in kinds:
            continue
        kind, least, most = kinds[stored[names[0]].data_type]
        arrays = [numpy_helper.to_array(stored[name]) for name in names]
        if not all(least <= a.min() and a.max() <= most for a in arrays):
            continue
        small = [f"{node.output[0]}.codes", f"{node.output[0]}.zero"]  # 8-bit nodes may read the same zeros
        for name, array in zip(small, arrays, strict=True):
            tensor = onnx.helper.make_tensor(name, kind, array.shape, _halves(array), raw=True)
            model.graph.initializer.append(tensor)
        node.input[0], node.input[2] = small
        changed.append(names[0])
    read = {name for node in model.graph.node for name in node.input}
    for tensor in [t for t in model.graph.initializer if t.name not in read]:
        model.graph.initializer.remove(tensor)
    if changed:
        for opset in model.opset_import:
            opset.version = max(opset.version, _OPSET) if opset.domain == "" else opset.version
    return changed


def _halves(codes: np.ndarray) -> bytes:
    """Two codes in a byte, the first in the lower half."""
    flat = codes.astype(np.int16).ravel() & 15
    flat = np.append(flat, np.zeros(len(flat) % 2, dtype=np.int16))
    return (flat[::2] | flat[1::2] << 4).astype(np.uint8).tobytes()
