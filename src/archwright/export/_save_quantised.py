"""All files of a quantised network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, fx

from archwright.compress import pack
from archwright.compress._single import single
from archwright.errors import UserError
from archwright.export._agreement import Agreement
from archwright.export._int8 import Int8, save_int8
from archwright.export._program import save_program

PACKED, PROGRAM, INT8 = "model.packed.safetensors", "model.pt2", "model.int8.onnx"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class QuantisedFiles:
    """What `save_quantised` wrote.

    Args:
        folder: where.
        sizes: bytes by file name.
        int8: of the ONNX file; None where the grids have no 8-bit form.
        reason: why there is none, else empty.
        program: the torch.export program against the network that it was made of.
        simulated: that network: as the runtime computes it where there is an ONNX file, else as it was given.
    """

    folder: Path
    sizes: Mapping[str, int]
    int8: Int8 | None
    reason: str
    program: Agreement
    simulated: fx.GraphModule

    def to_dict(self) -> dict[str, Any]:
        """JSON values by field name, without folder and network."""
        return {
            "sizes": dict(self.sizes),
            "int8": None if self.int8 is None else self.int8.to_dict(),
            "reason": self.reason,
            "program": dataclasses.asdict(self.program),
        }


def save_quantised(
    graph: fx.GraphModule,
    folder: str | Path,
    *,
    calibration: Tensor,
    check_x: Tensor | None = None,
    classes: Sequence[str] = (),
    reduce_range: bool = False,
    int4: bool = False,
) -> QuantisedFiles:
    """Write `model.packed.safetensors`, `model.pt2` and, where the grids have an 8-bit form, `model.int8.onnx`; other
    files in the folder stay, but an older `model.int8.onnx` goes if there is no new one.

    The program computes what `model.int8.onnx` does where that was written, else what `graph` does.

    Args:
        graph: from `compress.quantize`.
        folder: made if missing.
        calibration, check_x, classes, reduce_range, int4: as for `save_int8`.

    Raises:
        UserError: what cannot be traced.
        ArchwrightError: a file disagrees with the network.
    """
    calibration = single(calibration)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    sizes = {PACKED: pack(graph, place / PACKED)}
    settings: dict[str, Any] = {"classes": classes, "reduce_range": reduce_range, "int4": int4}
    int8, reason, simulated = None, "", graph
    try:
        int8 = save_int8(graph, place / INT8, calibration=calibration, check_x=check_x, **settings)
        simulated, sizes[INT8] = int8.simulated, int8.size
    except UserError as error:
        reason = str(error)
        (place / INT8).unlink(missing_ok=True)
    program = save_program(simulated, place / PROGRAM, example=calibration[:2], check_x=check_x)
    sizes[PROGRAM] = (place / PROGRAM).stat().st_size
    return QuantisedFiles(folder=place, sizes=sizes, int8=int8, reason=reason, program=program, simulated=simulated)
