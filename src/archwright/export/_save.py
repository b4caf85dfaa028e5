"""Write a network as files that need no archwright, and check that they compute what the network computes."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import archwright
from archwright import cost
from archwright.cost._mode import example as as_example
from archwright.cost._onnx import OPSET, to_onnx
from archwright.errors import UserError
from archwright.export._agreement import Agreement, agreement, compare
from archwright.export._card import card as card_text
from archwright.export._flatten import flatten
from archwright.export._load import load
from archwright.export._source import source

FILES = ("architecture.json", "model.safetensors", "model.py", "model.onnx", "README.md")
_SAMPLES = 64


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What `save` wrote.

    Args:
        folder: where.
        paths: file name to path.
        sizes: file name to bytes.
        params: parameters of the network.
        source_agreement: `model.py` with its weights against the network, in PyTorch.
        onnx_agreement: `model.onnx` in ONNX Runtime against the network.
        opset: operator set of `model.onnx`.
        onnx_seconds: time the ONNX export took.
    """

    folder: Path
    paths: Mapping[str, Path]
    sizes: Mapping[str, int]
    params: int
    source_agreement: Agreement
    onnx_agreement: Agreement
    opset: int
    onnx_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """JSON values by field name, without the folder: sizes are by file name."""
        return {
            "sizes": dict(self.sizes),
            "params": self.params,
            "source_agreement": dataclasses.asdict(self.source_agreement),
            "onnx_agreement": dataclasses.asdict(self.onnx_agreement),
            "opset": self.opset,
            "onnx_seconds": self.onnx_seconds,
        }


def save(
    module: nn.Module,
    folder: str | Path,
    *,
    example: Tensor | Sequence[int],
    architecture: Mapping[str, Any],
    space: str = "",
    classes: Sequence[str] = (),
    card: Mapping[str, Any] | None = None,
    check_x: Tensor | None = None,
    class_name: str = "Network",
    input_range: tuple[float, float] | None = None,
) -> Exported:
    """Write `architecture.json`, `model.safetensors`, `model.py`, `model.onnx`, `README.md`, all verified, or nothing.

    The files are made and checked beside `folder` and moved there only when `model.py` and `model.onnx` both give the
    logits of `module`: within 1e-5 and 1e-4 (times the largest logit where that exceeds 1), with the same answer on
    every sample. An older export in `folder` is replaced, other files in it stay.

    Args:
        module: plain network in its final state; takes one tensor of raw input, returns logits. It is not changed.
        folder: where to write; made if missing.
        example: an input, batch first, or its shape.
        architecture: values of the architecture; an `Arch` also gives its key.
        space: name of the search space it comes from.
        classes: names of the outputs in order.
        card: facts for `README.md`: `title`, `description`, `data`, `input_range`, `metrics`, `limits`, `notes`, any.
        check_x: inputs to verify on; default 64 random ones in the range of `example`.
        class_name: name of the class in `model.py`.
        input_range: smallest and largest raw value of the data, for `architecture.json`; pictures are scaled to it.

    Raises:
        UserError: the network cannot be written as code or as ONNX.
        ArchwrightError: a written file disagrees with the network; the message has the figures.
    """
    plain = copy.deepcopy(module).cpu().eval()
    x = as_example(plain, example).cpu()
    inputs = _inputs(x) if check_x is None else check_x.cpu()
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise UserError(f"cannot export to {target}: it is a file, not a folder")
    staging = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    staging.mkdir(parents=True)
    try:
        facts = {**(card or {}), "classes": list(classes)}
        flat = flatten(plain)
        description = _description(plain, x, architecture, space, classes)
        if input_range is not None:
            description["input_range"] = list(input_range)
        _write_json(staging / FILES[0], description)
        _write_torch(flat, staging, x, class_name, facts)
        start = time.perf_counter()
        to_onnx(flat, x, staging / "model.onnx", metadata={"classes": json.dumps(list(classes)), "space": space})
        seconds = time.perf_counter() - start
        checks = _verify(plain, staging, inputs)
        _write_card(staging, facts, x, checks)
        _move(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    paths = {name: target / name for name in FILES}
    return Exported(
        folder=target,
        paths=paths,
        sizes={name: path.stat().st_size for name, path in paths.items()},
        params=cost.params(plain),
        source_agreement=checks[0],
        onnx_agreement=checks[1],
        opset=OPSET,
        onnx_seconds=seconds,
    )


def _inputs(x: Tensor) -> Tensor:
    """Random inputs in the range of the example, which comes first."""
    shape = (_SAMPLES, *x.shape[1:])
    generator = torch.Generator().manual_seed(0)
    low, high = x.min().item(), x.max().item()
    if not x.is_floating_point():
        return torch.cat([x, torch.randint(int(low), int(high) + 1, shape, generator=generator, dtype=x.dtype)])
    width = high - low if high > low else 1.0
    return torch.cat([x, low + width * torch.rand(shape, generator=generator).to(x.dtype)])


def _description(
    module: nn.Module, x: Tensor, architecture: Mapping[str, Any], space: str, classes: Sequence[str]
) -> dict[str, Any]:
    from archwright.space import Arch

    return {
        "architecture": dict(architecture),
        "key": architecture.key if isinstance(architecture, Arch) else "",
        "space": space,
        "input_shape": list(x.shape[1:]),
        "input_dtype": _dtype(x),
        "classes": list(map(str, classes)),
        "params": cost.params(module),
        "archwright": archwright.__version__,
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    try:
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except TypeError as error:
        raise UserError(f"the architecture must hold JSON values only: {error}") from error


def _write_torch(flat: nn.Module, folder: Path, x: Tensor, class_name: str, facts: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file

    doc = str(facts.get("title") or "") + ("\n\n" + str(facts["description"]) if facts.get("description") else "")
    if facts["classes"]:
        doc += f"\n\nOutput: logits of {len(facts['classes'])} classes: {', '.join(map(str, facts['classes']))}."
    if facts.get("input_range"):
        doc += f"\n\nInput values: {facts['input_range']}."
    text = source(flat, class_name, doc=doc, input_shape=tuple(x.shape[1:]), input_dtype=x.dtype)
    (folder / "model.py").write_text(text, encoding="utf-8")
    weights = {name: tensor.detach().clone().contiguous() for name, tensor in flat.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "model.safetensors").chmod((folder / "model.py").stat().st_mode)  # it is written for the owner only


def _verify(module: nn.Module, folder: Path, inputs: Tensor) -> tuple[Agreement, Agreement]:
    """Both written forms against the network."""
    again = load(folder)
    in_torch = compare(again, module, inputs)
    in_torch.require(1e-5, "model.py")
    in_onnx = agreement(folder / "model.onnx", module, inputs)
    in_onnx.require(1e-4, "model.onnx")
    return in_torch, in_onnx


def _write_card(folder: Path, facts: Mapping[str, Any], x: Tensor, checks: tuple[Agreement, Agreement]) -> None:
    sizes = {name: (folder / name).stat().st_size for name in FILES if name != "README.md"}
    sentences = [
        f"{name}: largest difference of a logit {check.max_abs:.2g}, "
        f"same answer on {100 * check.argmax_agreement:g} % of {check.samples} inputs"
        for name, check in zip(("`model.py` in PyTorch", f"`model.onnx` (opset {OPSET}) in ONNX Runtime"), checks)
    ]
    text = card_text(facts, shape=tuple(x.shape[1:]), dtype=_dtype(x), sizes=sizes, checks=sentences)
    (folder / "README.md").write_text(text, encoding="utf-8")


def _move(staging: Path, target: Path) -> None:
    """Each file appears whole; a new folder appears whole."""
    if not target.exists():
        os.replace(staging, target)
        return
    for name in FILES:
        os.replace(staging / name, target / name)


def _dtype(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")
