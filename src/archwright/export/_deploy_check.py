"""Does a written network do on the runtime what it is said to do?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from archwright import cost
from archwright.cost._onnx import session
from archwright.errors import ArchwrightError, UserError
from archwright.export._agreement import Agreement, compare
from archwright.export._int8 import LEAST_SQNR
from archwright.export._load_program import load_program
from archwright.export._operators import Operators, operators

Answer = Callable[[Tensor], Tensor]
Kind = Literal["float", "int8", "int4", "program"]
LEAST_SAME = 0.98
"""Share of samples on which an integer file gives the answer of the simulated network."""
_FLOAT_TOLERANCE = 1e-4
_BATCH = 256


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What `deploy_check` found.

    Args:
        file: that was checked.
        kind: `"float"`, `"int8"` or `"int4"` ONNX, or `"program"` of torch.export.
        size: bytes.
        float_size: bytes of the float file; None without one.
        latency_ms: median of one sample in ONNX Runtime; None for a program.
        float_ms: the same of the float file, timed in turn.
        speed_up: float over this, median of the ratios of neighbouring samples.
        contended: the machine was busy: the times say little.
        agreement: with the network it was written from; None where that is not at hand.
        float_agreement: with the float file.
        accuracy: percent, where labels are known.
        float_accuracy: the same of the float file.
        operators: of the optimised graph; None for a program.
        asymmetric: weights stored as uint8 with zero points, for which ONNX Runtime has no fast kernel.
        failures: what is wrong, one sentence each.
    """

    file: Path
    kind: Kind
    size: int
    float_size: int | None = None
    latency_ms: float | None = None
    float_ms: float | None = None
    speed_up: float | None = None
    contended: bool = False
    agreement: Agreement | None = None
    float_agreement: Agreement | None = None
    accuracy: float | None = None
    float_accuracy: float | None = None
    operators: Operators | None = None
    asymmetric: int = 0
    failures: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON values by field name."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("agreement", "float_agreement"):
            found[name] = None if found[name] is None else dataclasses.asdict(found[name])
        found["operators"] = None if self.operators is None else self.operators.to_dict()
        return {**found, "file": str(self.file), "failures": list(self.failures)}


def deploy_check(
    path: str | Path,
    x: Tensor,
    y: Tensor | None = None,
    *,
    network: nn.Module | None = None,
    original: str | Path | None = None,
    threads: int = 1,
    repeats: int = 50,
    trust: bool = False,
) -> Checked:
    """Run a written network where it will be used: outputs, operators, size, latency.

    Failures: outputs that are not finite; a float file whose logits are not within 1e-4 of the network's (times the
    largest logit where that exceeds 1) or that gives another answer; an integer file with less than 20 dB between the
    simulated network and the differences, another answer on more than 2 % of the samples, or a layer with integer
    weights that ONNX Runtime runs in floats (except 4-bit tensors, which it always does).

    Args:
        path: `.onnx`, or a `.pt2` program.
        x: inputs as the network takes them, batch first.
        y: their classes, for the accuracy.
        network: that the file was written from: of an integer file, the simulated one.
        original: float `.onnx` of the same network, to compare size, time and answers with.
        threads: threads of the runtime.
        repeats: samples of the time.
        trust: read programs that hold more than tensors and operators (`load_program`).

    Raises:
        UserError: no such file, another kind of file, a program that would run code, or inputs that it does not take.
    """
    file = Path(path)
    kind, answer = kind_of(file), runnable(file, trust=trust)
    logits = _logits(answer, x, file)
    failures = [] if torch.isfinite(logits).all() else ["outputs are not finite"]
    run = None if kind == "program" else operators(file)
    if run is not None and run.unfused and kind != "int4":
        failures.append(f"layers with integer weights run in floats: {', '.join(run.unfused)}")
    agreement = None if network is None else _against(answer, network, x, kind, file.name, failures)
    facts: dict[str, Any] = {}
    if original is not None:
        float_file = Path(original)
        as_float = runnable(float_file, trust=trust)
        facts["float_size"] = float_file.stat().st_size
        facts["float_agreement"] = compare(answer, _Answers(as_float), x)
        facts["float_accuracy"] = _accuracy(_logits(as_float, x, float_file), y)
    if run is not None:
        facts |= _times(file, original, x[:1], threads, repeats)
    return Checked(
        file=file,
        kind=kind,
        size=file.stat().st_size,
        agreement=agreement,
        accuracy=_accuracy(logits, y),
        operators=run,
        asymmetric=0 if kind == "program" else _asymmetric(file),
        failures=tuple(failures),
        **facts,
    )


def kind_of(path: Path) -> Kind:
    """What is in a file.

    Raises:
        UserError: no such file, not ONNX and not a program.
    """
    if not path.is_file():
        raise UserError(f"no file {str(path)!r}")
    suffix = path.suffix.lower()
    if suffix == ".pt2":
        return "program"
    if suffix != ".onnx":
        raise UserError(f"{path} is of no known kind; give a run folder, an .onnx file or a .pt2 program")
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # of protobuf
        raise UserError(f"{path} cannot be read as ONNX: {error}") from None
    kinds = {tensor.data_type for tensor in model.graph.initializer}
    if kinds & {onnx.TensorProto.INT4, onnx.TensorProto.UINT4}:
        return "int4"
    return "int8" if any(node.op_type == "QuantizeLinear" for node in model.graph.node) else "float"


def _asymmetric(path: Path) -> int:
    import onnx

    stored = onnx.load(path, load_external_data=False).graph.initializer
    return sum(t.data_type == onnx.TensorProto.UINT8 and len(t.dims) > 1 for t in stored)


def simulated(path: Path, *, trust: bool = False) -> nn.Module:
    """A program as a network."""
    return _Answers(runnable(path, trust=trust))


def program_shape(path: Path, *, trust: bool = False) -> tuple[int, ...]:
    """The shape of one input of a program.

    Raises:
        UserError: no such file, one that cannot be read, or one without its example.
    """
    example = load_program(path, trust=trust).example_inputs
    if example is None or not example[0] or not isinstance(example[0][0], Tensor):
        raise UserError(f"{path} does not say what it takes; name data with --data")
    return tuple(example[0][0].shape[1:])


def runnable(path: Path, *, trust: bool = False) -> Answer:
    """A file as a function from inputs to logits, on the CPU.

    Raises:
        UserError: no such file, or one that cannot be read.
    """
    if not path.is_file():
        raise UserError(f"no file {str(path)!r}")
    if path.suffix.lower() == ".pt2":
        program = load_program(path, trust=trust).module()
        return lambda batch: program(batch)
    try:
        running = session(path)
    except Exception as error:  # its own errors share no base class
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} cannot be read: {reason}") from None
    name = running.get_inputs()[0].name

    def answer(batch: Tensor) -> Tensor:
        (logits,) = running.run(None, {name: batch.cpu().numpy()})
        return torch.from_numpy(logits)

    return answer


class _Answers(nn.Module):
    """A function as a network."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    def forward(self, x: Tensor) -> Tensor:
        return self._answer(x)


def _logits(answer: Answer, x: Tensor, file: Path) -> Tensor:
    try:
        with torch.inference_mode():
            return torch.cat([answer(part) for part in torch.split(x, _BATCH)])
    except Exception as error:  # of either runtime
        reason = " ".join(str(error).split())
        raise UserError(f"{file} does not take inputs of shape {tuple(x.shape[1:])}: {reason[:200]}") from None


def _against(answer: Answer, network: nn.Module, x: Tensor, kind: Kind, name: str, failures: list[str]) -> Agreement:
    found = compare(answer, network, x)
    try:
        if kind == "float":
            found.require(_FLOAT_TOLERANCE, name)
        else:
            found.require_ratio(LEAST_SQNR, name)
            if found.argmax_agreement < LEAST_SAME:
                raise ArchwrightError(
                    f"{name} gives another answer than the simulated network on "
                    f"{100 * (1 - found.argmax_agreement):.2f} % of {found.samples} samples"
                )
    except ArchwrightError as error:
        failures.append(str(error))
    return found


def _times(file: Path, original: str | Path | None, x: Tensor, threads: int, repeats: int) -> dict[str, Any]:
    if original is None or Path(original).suffix.lower() != ".onnx":
        alone = cost.onnx_latency(file, x, threads=threads, repeats=repeats)
        return {"latency_ms": alone.ms, "contended": alone.contended}
    both = cost.compare_onnx_latency(original, file, x, threads=threads, repeats=repeats)
    return {
        "latency_ms": both.second.ms,
        "float_ms": both.first.ms,
        "speed_up": both.ratio,
        "contended": both.contended,
    }


def _accuracy(logits: Tensor, y: Tensor | None) -> float | None:
    return None if y is None else 100 * float((logits.argmax(1) == y).float().mean())
