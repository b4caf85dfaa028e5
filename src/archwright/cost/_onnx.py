"""ONNX: write a module as one file, open a file in ONNX Runtime."""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from archwright.cost._mode import example as as_example
from archwright.errors import UserError

if TYPE_CHECKING:
    import onnx_ir
    import onnxruntime
    from torch.onnx import ONNXProgram

OPSET = 18  # what torch's translation is written for: no conversion pass, and every runtime since 2023 reads it
INPUT, OUTPUT = "input", "logits"


def to_onnx(
    module: nn.Module,
    example: Tensor | Sequence[int],
    path: str | Path,
    *,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write `module` in eval mode as a single ONNX file, opset 18, weights inside, batch norm folded.

    The first axis of the input `input` is free and called `batch`; the output is called `logits`. Uses the exporter
    built on `torch.export`; traces of source files and paths are left out of the file. The module is not changed.

    Args:
        module: takes one tensor, returns one tensor with the batch first.
        example: an input (any batch size), or its shape.
        path: file to write.
        metadata: texts stored in the file's own metadata.

    Raises:
        UserError: the module cannot be captured as one graph with a free batch size; the message quotes torch.
    """
    x = as_example(module, example).cpu()
    x = torch.cat([x, x])  # torch.export takes a batch of one for a constant
    return write(module, (x,), path, names=(INPUT,), free_batch=True, metadata=metadata)


def write(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    path: str | Path,
    *,
    names: Sequence[str],
    free_batch: bool,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """`to_onnx` for any number of inputs, with fixed shapes unless `free_batch`."""
    plain = copy.deepcopy(module).cpu().eval()
    target = Path(path)
    with _quiet():
        try:
            program = _program(plain, inputs, names, free_batch)
        except Exception as error:
            reason = next((line for line in str(error.__cause__ or error).splitlines() if line.strip()), repr(error))
            shapes = ", ".join(str(tuple(x.shape[1:])) for x in inputs)
            raise UserError(
                f"{type(module).__name__} cannot become ONNX for inputs of {shapes} with a free batch size "
                f"({reason.strip()}); its forward must not branch on values nor fix the batch size"
            ) from error
        _strip(program.model.graph)
        program.model.metadata_props.update(metadata or {})
        program.save(str(target), external_data=False)
    return target


def _program(module: nn.Module, inputs: tuple[Tensor, ...], names: Sequence[str], free_batch: bool) -> ONNXProgram:
    batch, axes = torch.export.Dim("batch"), ({0: "batch"},) * len(inputs)
    shapes = ({0: batch},) * len(inputs) if free_batch else None
    program = torch.onnx.export(
        torch.export.export(module, inputs, dynamic_shapes=shapes),
        dynamic_shapes=axes if free_batch else None,
        input_names=names,
        output_names=[OUTPUT],
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    return program


def _strip(graph: onnx_ir.Graph) -> None:
    """Traces of source files and paths."""
    graph.metadata_props.clear()
    for value in (*graph.inputs, *graph.outputs):
        value.metadata_props.clear()
    for node in graph:
        node.metadata_props.clear()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns and logs about its own internals."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


def session(path: str | Path, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """The file in ONNX Runtime on the CPU, with pinned threads and a quiet log.

    Raises:
        UserError: the file does not exist.
    """
    import onnxruntime

    file = Path(path)
    if not file.is_file():
        raise UserError(f"no ONNX file at {file}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
