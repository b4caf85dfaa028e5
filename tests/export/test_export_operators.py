"""What ONNX Runtime makes of a file: integers, islands, layers that were not fused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from archwright.errors import UserError
from archwright.export import operators


def quantise(name: str, result: str) -> onnx.NodeProto:
    return helper.make_node("QuantizeLinear", [name, "scale", "zero"], [result])


def dequantise(name: str, result: str) -> onnx.NodeProto:
    return helper.make_node("DequantizeLinear", [name, "scale", "zero"], [result])


def weight(name: str) -> list[onnx.NodeProto]:
    return [helper.make_node("DequantizeLinear", ["codes", "wscale", "wzero"], [name], axis=0)]


def convolution(x: str, w: str, result: str) -> onnx.NodeProto:
    return helper.make_node("Conv", [x, w], [result], pads=[1, 1, 1, 1], name=f"conv_{result}")


def written(path: Path, nodes: list[onnx.NodeProto], result: str) -> Path:
    arrays = {
        "scale": np.float32(0.1),
        "zero": np.uint8(10),
        "codes": np.arange(-18, 18, dtype=np.int8).reshape(2, 2, 3, 3),
        "wscale": np.full(2, 0.01, dtype=np.float32),
        "wzero": np.zeros(2, dtype=np.int8),
    }
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2, 4, 4])],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["n", 2, 4, 4])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)
    return path


def test_fused(tmp_path: Path) -> None:
    nodes = [quantise("x", "q"), dequantise("q", "d"), *weight("w"), convolution("d", "w", "y")]
    nodes += [quantise("y", "r"), dequantise("r", "z")]
    found = operators(written(tmp_path / "a.onnx", nodes, "z"))
    assert found.fused == 1
    assert found.counts["QLinearConv"] == 1
    assert (found.islands, found.unfused) == ((), ())
    assert found.to_dict()["islands"] == []


def test_a_missing_quantiser_is_noticed(tmp_path: Path) -> None:
    """Without the pair behind the convolution, it runs in floats and nobody says so."""
    nodes = [quantise("x", "q"), dequantise("q", "d"), *weight("w"), convolution("d", "w", "y")]
    found = operators(written(tmp_path / "a.onnx", nodes, "y"))
    assert found.fused == 0
    assert len(found.unfused) == 1


def test_islands_are_connected_groups(tmp_path: Path) -> None:
    nodes = [quantise("x", "q"), dequantise("q", "d")]
    nodes += [helper.make_node("Erf", ["d"], ["e"]), helper.make_node("Mul", ["d", "e"], ["m"])]
    nodes += [quantise("m", "q2"), dequantise("q2", "d2"), *weight("w"), convolution("d2", "w", "y")]
    nodes += [quantise("y", "q3"), dequantise("q3", "d3"), helper.make_node("Tanh", ["d3"], ["t"])]
    nodes += [quantise("t", "q4"), dequantise("q4", "d4"), helper.make_node("Exp", ["d4"], ["z"])]
    found = operators(written(tmp_path / "a.onnx", nodes, "z"))
    assert found.islands == (("Erf", "Mul"), ("Tanh",))  # Exp goes to no integer
    assert found.unfused == ()


def test_a_float_file_has_neither(tmp_path: Path) -> None:
    nodes = [helper.make_node("Erf", ["x"], ["e"]), helper.make_node("Exp", ["e"], ["z"])]
    found = operators(written(tmp_path / "a.onnx", nodes, "z"))
    assert (found.fused, found.islands, found.unfused) == (0, (), ())
    assert found.counts == {"Erf": 1, "Exp": 1}


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no ONNX file at"):
        operators(tmp_path / "gone.onnx")
    (tmp_path / "no.onnx").write_text("no")
    with pytest.raises(UserError, match="cannot be read as ONNX"):
        operators(tmp_path / "no.onnx")
