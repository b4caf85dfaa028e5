"""Quantised networks as packed codes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram

from archwright.compress._bit_stream import from_bytes, to_bytes
from archwright.compress._fold import fold
from archwright.compress._packed_grid import codes_of, grid_of, packed_grid, values
from archwright.compress._quantised import Quantised, quantised_layers
from archwright.compress._single import single_trace
from archwright.compress._stored import Stored
from archwright.compress._trace import Layer, layers, trace
from archwright.errors import UserError

FORMAT, VERSION = "archwright-packed", 1


@torch.no_grad()
def pack(graph: fx.GraphModule, path: str | Path) -> int:
    """Write a quantised network as a safetensors file of codes, ceil(n b / 8) bytes for n weights of b bits.

    Layout. The metadata have one entry, `archwright-packed`, a JSON object: `version` (1), and `layers`, an object of
    one entry a layer in the order they run: `shape` of the weights, and under `weights` and `inputs` null (float) or
    the grid:

    - `{"grid": "uniform", "bits": b, "levels": L, "symmetric": true or false}`: value = (code - zero) range / L;
      symmetric: zero = L / 2.
    - `{"grid": "power", "bits": b, "levels": L, "signed": true or false, "exponent": a}`: value = sign(q) maximum
      (|q| / L)^(1/a), with q = code - L if signed, q = code else.

    Tensors of a layer: `<layer>.codes`, uint8, the stream of its codes in row-major order: code i takes bits i b to
    (i + 1) b - 1, least significant first, bit k of the stream is bit k mod 8 of byte k div 8; `<layer>.range` or
    `<layer>.maximum`, float32, one for each output channel; of asymmetric grids `<layer>.zero`, zero points as a stream
    of codes like the weights. The same for the input, with scalars: `<layer>.inputs.range`, ... A pruned weight is a
    code that means 0. Biases are float32. All tensors that belong to no layer (normalisations, embeddings) are stored
    under their names as they are; `others` lists them.

    Args:
        graph: from `quantize`.
        path: of the file, usually `.safetensors`.

    Returns:
        Bytes of the file.

    Raises:
        UserError: a network without quantised layers, or one from `deployable`, whose added quantisers are not part of
            the layout.
    """
    from safetensors.torch import save_file

    found = quantised_layers(graph)
    if not found or any(isinstance(m, Stored) for m in graph.modules()):
        raise UserError("pack takes what quantize returns: a network with quantised layers, without runtime quantisers")
    others = dict(_others(graph, found))
    tensors, facts = dict(others), {}
    for name, layer in found.items():
        facts[name], own = _packed(layer)
        tensors |= {f"{name}.{key}": tensor for key, tensor in own.items()}
    target = Path(path)
    staged = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    header = {"version": VERSION, "layers": facts, "others": list(others)}
    metadata = {FORMAT: json.dumps(header, separators=(",", ":"))}  # one entry: their order changes from run to run
    try:
        save_file({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, staged, metadata)
        staged.chmod(0o666 & ~_umask())  # safetensors writes for the owner only
        os.replace(staged, target)
    finally:
        staged.unlink(missing_ok=True)
    return target.stat().st_size


@torch.no_grad()
def unpack(
    path: str | Path, module: nn.Module | ExportedProgram, example: Tensor | tuple[Tensor, ...]
) -> fx.GraphModule:
    """The simulated network of a file of `pack`, bit for bit: the same weights, the same outputs.

    Args:
        path: of the file.
        module: a network of the same architecture, or its program; its weights do not matter. Where names differ, as in
            the exported form of a network, layers are matched in the order they run.
        example: its input, a batch of at least 2; a tuple of several.

    Raises:
        UserError: no such file, another format, or another architecture; the first layer that differs is named.
    """
    from safetensors import SafetensorError, safe_open

    file = Path(path)
    if not file.is_file():
        raise UserError(f"no file {str(file)!r}")
    try:
        with safe_open(file, "pt") as stored:
            header: dict[str, Any] = json.loads((stored.metadata() or {}).get(FORMAT, "{}"))
            tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118  # not a mapping
    except SafetensorError as error:
        raise UserError(f"{file} is not a readable safetensors file: {error}") from None
    if header.get("version") != VERSION:
        raise UserError(f"{file} is not a packed network of archwright, version {VERSION}")
    facts = header["layers"]
    inputs = example if isinstance(example, tuple) else (example,)
    graph = trace(module, inputs) if isinstance(module, ExportedProgram) else single_trace(module, inputs)
    fold(graph)
    own = layers(graph)
    shapes = {name: [int(n) for n in fact["shape"]] for name, fact in facts.items()}
    pairs = _matched(shapes, {name: list(layer.weight.shape) for name, layer in own.items()}, file)
    for there, here in pairs.items():
        graph.set_submodule(here, _unpacked(own[here], there, facts[there], tensors))
    _fill(graph, {name: tensors[name] for name in header["others"]}, file)
    return graph.eval().requires_grad_(False)


_KEYS = (
    "codes", "weight", "bias", "range", "zero", "maximum", "inputs.range", "inputs.zero", "inputs.maximum",
)  # fmt: skip


def _packed(layer: Quantised) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What the metadata say of a layer, and its tensors."""
    facts: dict[str, Any] = {"shape": list(layer.layer.weight.shape), "weights": None, "inputs": None}
    tensors: dict[str, Tensor] = {}
    if layer.layer.bias is not None:
        tensors["bias"] = layer.layer.bias
    if layer.weights is None:
        tensors["weight"] = layer.weight
    else:
        facts["weights"], own = packed_grid(layer.weights)
        masked = layer.layer.weight if layer.mask is None else layer.layer.weight * layer.mask
        tensors |= own
        tensors["codes"] = to_bytes(codes_of(layer.weights, masked), facts["weights"]["bits"])
    if layer.inputs is not None:
        facts["inputs"], own = packed_grid(layer.inputs)
        tensors |= {f"inputs.{key}": tensor for key, tensor in own.items()}
    return facts, tensors


def _unpacked(layer: Layer, name: str, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Quantised:
    """The quantised layer in place of `layer`."""
    own = {key: tensors[f"{name}.{key}"] for key in _KEYS if f"{name}.{key}" in tensors}
    layer.bias = nn.Parameter(own["bias"]) if "bias" in own else None
    weights, inputs = facts["weights"], facts["inputs"]
    given = {key.removeprefix("inputs."): t for key, t in own.items() if key.startswith("inputs.")}
    reader = None if inputs is None else grid_of(inputs, given, 0)
    if weights is None:
        layer.weight = nn.Parameter(own["weight"])
        return Quantised(layer, None, reader)
    codes = from_bytes(own["codes"], weights["bits"], layer.weight.numel()).reshape(layer.weight.shape)
    grid = grid_of(weights, own, layer.weight.ndim)
    layer.weight = nn.Parameter(values(grid, codes))
    return Quantised(layer, grid, reader)


def _others(graph: fx.GraphModule, found: Mapping[str, Quantised]) -> Mapping[str, Tensor]:
    """All tensors that belong to no quantised layer."""
    inside = tuple(f"{name}." for name in found)
    return {k: v for k, v in graph.state_dict().items() if not k.startswith(inside)}


def _matched(there: Mapping[str, Sequence[int]], here: Mapping[str, Sequence[int]], file: Path) -> dict[str, str]:
    """Name in the file to name in the network: the same, or at the same place."""
    same = set(there) == set(here)
    if len(there) != len(here):
        raise UserError(f"{file} is of another architecture: it has {len(there)} tensors of a kind, this {len(here)}")
    pairs = {name: name for name in there} if same else dict(zip(there, here, strict=True))
    for one, other in pairs.items():
        if list(there[one]) != list(here[other]):
            raise UserError(
                f"{file} is of another architecture: {one} has shape {list(there[one])}, here {list(here[other])}"
            )
    return pairs


def _fill(graph: fx.GraphModule, tensors: Mapping[str, Tensor], file: Path) -> None:
    own = dict(_others(graph, quantised_layers(graph)))
    pairs = _matched({k: list(v.shape) for k, v in tensors.items()}, {k: list(v.shape) for k, v in own.items()}, file)
    graph.load_state_dict({here: tensors[there] for there, here in pairs.items()}, strict=False)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
