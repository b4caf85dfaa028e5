"""What ONNX Runtime makes of a file."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archwright.errors import UserError

if TYPE_CHECKING:
    import onnx

_INTEGER = ("QLinear", "QGemm", "QAttention", "MatMulInteger", "ConvInteger", "DynamicQuantize")
_QUANTIZE, _DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
_LAYERS = ("Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul")
_FLOAT_RESULT = ("MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QAttention")
_SCALED_RESULT = 7  # inputs of a QGemm before the scale of its result; without it, the result is float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """The operators of a file as ONNX Runtime runs them on this processor, after all its optimisations.

    Args:
        counts: operator to how often.
        fused: operations on integers.
        islands: operators that compute in floats between integers, one tuple for each connected group; a tensor that is
            only coded anew is a group of `DequantizeLinear` and `QuantizeLinear`.
        unfused: convolutions and matrix products with integer weights that run in floats.
    """

    counts: Mapping[str, int]
    fused: int
    islands: tuple[tuple[str, ...], ...]
    unfused: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values by field name."""
        return {
            "counts": dict(self.counts),
            "fused": self.fused,
            "islands": [list(island) for island in self.islands],
            "unfused": list(self.unfused),
        }


def operators(path: str | Path) -> Operators:
    """The operators that ONNX Runtime runs for the file at `path` on one CPU thread.

    Raises:
        UserError: no such file, or not ONNX.
    """
    graph = optimised(path).graph
    kinds = _kinds(graph)
    return Operators(
        counts=dict(sorted(Counter(node.op_type for node in graph.node).items())),
        fused=sum(node.op_type.startswith(_INTEGER) for node in graph.node),
        islands=tuple(_islands(graph, kinds)),
        unfused=tuple(_unfused(graph)),
    )


def optimised(path: str | Path) -> onnx.ModelProto:
    """The file as ONNX Runtime runs it here.

    Raises:
        UserError: no such file, or not ONNX.
    """
    import onnx
    import onnxruntime

    file = Path(path)
    if not file.is_file():
        raise UserError(f"no ONNX file at {file}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "optimised.onnx"
        options.optimized_model_filepath = str(target)
        try:
            onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own errors share no base class
            raise UserError(f"{file} cannot be read as ONNX: {' '.join(str(error).split())}") from None
        return onnx.load(target)


def _kinds(graph: onnx.GraphProto) -> dict[str, bool]:
    """Value to whether it is a float that was computed, not stored."""
    found: dict[str, bool] = {value.name: value.type.tensor_type.elem_type == 1 for value in graph.input}
    for node in graph.node:
        operator = node.op_type
        if operator == _QUANTIZE:
            result = False
        elif operator == _DEQUANTIZE or operator in _FLOAT_RESULT:
            result = True
        elif operator == "QGemm":
            result = not any(node.input[_SCALED_RESULT:])
        elif operator.startswith(_INTEGER):
            result = False
        else:
            result = any(found.get(name, False) for name in node.input)
        found.update(dict.fromkeys(node.output, result))
    return found


def _islands(graph: onnx.GraphProto, kinds: Mapping[str, bool]) -> Iterator[tuple[str, ...]]:
    """Connected float nodes that come from integers and go to integers."""
    maker = {name: node for node in graph.node for name in node.output}
    stored = {value.name for value in graph.initializer}
    group: dict[int, int] = {}
    nodes = [n for n in graph.node if n.op_type not in (_QUANTIZE, _DEQUANTIZE) and _is_float(n, kinds)]
    index = {id(node): n for n, node in enumerate(nodes)}

    def root(n: int) -> int:
        while group.setdefault(n, n) != n:
            n = group[n]
        return n

    enters: set[int] = set()
    for n, node in enumerate(nodes):
        for name in node.input:
            before = maker.get(name)
            if before is None or not kinds.get(name, False):
                continue
            if id(before) in index:
                group[root(n)] = root(index[id(before)])
            elif before.op_type != _DEQUANTIZE or before.input[0] not in stored:
                enters.add(n)
    leaves: set[int] = set()
    for node in graph.node:
        before = maker.get(node.input[0]) if node.op_type == _QUANTIZE else None
        if before is None:
            continue
        if id(before) in index:
            leaves.add(index[id(before)])
        elif before.op_type == _DEQUANTIZE:
            yield _DEQUANTIZE, _QUANTIZE
    both = {root(n) for n in enters} & {root(n) for n in leaves}
    for one in sorted(both):
        yield tuple(node.op_type for n, node in enumerate(nodes) if root(n) == one)


def _is_float(node: onnx.NodeProto, kinds: Mapping[str, bool]) -> bool:
    return not node.op_type.startswith(_INTEGER) and any(kinds[name] for name in node.output if name)


def _unfused(graph: onnx.GraphProto) -> Iterator[str]:
    stored = {value.name for value in graph.initializer}
    weights = {node.output[0] for node in graph.node if node.op_type == _DEQUANTIZE and node.input[0] in stored}
    for node in graph.node:
        if node.op_type in _LAYERS and any(name in weights for name in node.input[:2]):
            yield node.name or node.op_type
