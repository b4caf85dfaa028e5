"""A traced network written straight to ONNX, for measurements: milliseconds instead of the seconds of torch's exporter.

Covers the layers of convolutional networks and perceptrons at fixed shapes; anything else is left to the exporter. ONNX
Runtime fuses what it finds (normalisation into convolution and so on), so both files run the same operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from archwright.cost._blocks import Shapes
from archwright.cost._mode import inference
from archwright.cost._onnx import OPSET, OUTPUT
from archwright.cost._onnx_operators import FUNCTIONS, LAYERS, UnknownOperation
from archwright.cost._trace import trace
from archwright.errors import UserError

if TYPE_CHECKING:
    import onnx

_IR_VERSION = 10


def write_direct(module: nn.Module, inputs: tuple[Tensor, ...], path: Path, names: Sequence[str]) -> bool:
    """Write `module` at exactly these input shapes; False, and no file, if it has an operation not known here."""
    import onnx

    try:
        with inference(module):
            traced = trace(module, "be written as ONNX")
            Shapes(traced).run(*inputs)
        model = Writer(traced, names).model()
    except (UserError, UnknownOperation):
        return False
    onnx.save(model, str(path))
    return True


class Writer:
    """Nodes and constants of the graph so far; the value of an fx node is the name of an ONNX value."""

    def __init__(self, traced: fx.GraphModule, names: Sequence[str]) -> None:
        self._traced = traced
        self._names = iter(names)
        self._inputs: list[onnx.ValueInfoProto] = []
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._values: dict[fx.Node, str] = {}

    def model(self) -> onnx.ModelProto:
        """The whole graph."""
        from onnx import helper

        result = None
        for node in self._traced.graph.nodes:
            if node.op == "output":
                result = node.args[0]
            elif "tensor" in node.meta:
                self._values[node] = self._translate(node)
        if not isinstance(result, fx.Node) or "tensor" not in result.meta:
            raise UnknownOperation("several results")
        self._nodes.append(helper.make_node("Identity", [self._values[result]], [OUTPUT]))
        graph = helper.make_graph(
            self._nodes, "network", self._inputs, [_info(OUTPUT, *result.meta["tensor"])], self._constants
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)

    def emit(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; give back its name."""
        from onnx import helper

        output = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, value: Tensor | np.ndarray | Sequence[int] | float) -> str:
        """Add an initializer; a Python number becomes float32, a sequence of them int64."""
        from onnx import numpy_helper

        if isinstance(value, Tensor):
            array = value.detach().cpu().contiguous().numpy()
        else:
            array = np.asarray(value, dtype=np.float32 if isinstance(value, int | float) else np.int64)
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def value(self, argument: Any) -> str:
        """Name of a tensor argument; a number becomes a constant."""
        if isinstance(argument, fx.Node) and argument in self._values:
            return self._values[argument]
        if isinstance(argument, int | float) and not isinstance(argument, bool):
            return self.constant(float(argument))
        raise UnknownOperation(repr(argument))

    def _translate(self, node: fx.Node) -> str:
        if node.op == "placeholder":
            name = next(self._names)
            self._inputs.append(_info(name, *node.meta["tensor"]))
            return name
        if node.op == "get_attr":
            path, _, name = str(node.target).rpartition(".")
            return self.constant(getattr(self._traced.get_submodule(path), name))
        if node.op == "call_module":
            layer = self._traced.get_submodule(str(node.target))
            translate = LAYERS.get(type(layer))
            if translate is None or len(node.args) != 1 or node.kwargs:
                raise UnknownOperation(type(layer).__name__)
            return translate(self, layer, node.args[0])
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
        if name not in FUNCTIONS:
            raise UnknownOperation(name)
        return FUNCTIONS[name](self, node)


def _info(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> onnx.ValueInfoProto:
    from onnx import helper

    numpy_dtype = torch.empty(0, dtype=dtype).numpy().dtype
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(numpy_dtype), shape)
