"""A simulated network as a `torch.export` program."""

from __future__ import annotations

import copy
import os
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from archwright.compress import plain
from archwright.compress._deployable import check_one_input
from archwright.errors import UserError
from archwright.export._agreement import Agreement, compare

_TOLERANCE = 1e-5


def save_program(
    graph: fx.GraphModule, path: str | Path, *, example: Tensor, check_x: Tensor | None = None
) -> Agreement:
    """Write a quantised network as a program of plain tensor operations, which `torch.export.load(path).module()` gives
    back without archwright. The first axis of the input is free. The file appears only when it computes what `graph`
    does.

    Args:
        graph: from `compress.quantize` or `compress.deployable`.
        path: of the file, usually `.pt2`.
        example: inputs, batch first.
        check_x: inputs to verify on; default: the example.

    Raises:
        UserError: the network cannot be traced, or has several inputs.
        ArchwrightError: the program read back disagrees with `graph`.
    """
    check_one_input(graph)
    graph, example = copy.deepcopy(graph).cpu(), example.cpu()
    traced = torch.zeros_like(torch.cat([example, example])[: max(2, len(example))])  # it is stored in the file
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as folder:
        staged = Path(folder) / target.name  # the archive's folder has the name of the file
        with warnings.catch_warnings(action="ignore"), torch.no_grad():
            program = _traced(graph, traced)
            torch.export.save(program, staged)
            again = torch.export.load(staged).module()
        found = compare(again, graph, example if check_x is None else check_x)
        found.require(_TOLERANCE, target.name)
        os.replace(staged, target)
    return found


def _traced(graph: fx.GraphModule, x: Tensor) -> ExportedProgram:
    try:
        program = torch.export.export(plain(graph), (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"the quantised network cannot be traced: {reason}") from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of source files
    return program
