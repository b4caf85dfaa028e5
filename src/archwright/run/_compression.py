"""Compressed networks of a run or of the user's own: made, written, measured."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from archwright import cost, export
from archwright.compress import (
    Masks,
    bitops_of,
    bits_of,
    fold,
    layers,
    prune,
    quantised_layers,
    quantize,
    size_of,
    trace,
)
from archwright.compress._check import check_takes
from archwright.cost._onnx import to_onnx
from archwright.data import Splits
from archwright.errors import UserError
from archwright.run._answers import accuracy, answers
from archwright.run._compress_settings import Prune, Quantize
from archwright.train import evaluate

Told = Callable[[str, int, int], None]
"""(what, done, of how many)."""
_EXAMPLES = 128  # inputs that files are verified on


@dataclasses.dataclass(frozen=True, kw_only=True)
class Member:
    """A network beside its compressed forms.

    Args:
        network: on raw input.
        facts: plain values for `result.json`: name, accuracy, size, latency, layers.
    """

    network: nn.Module
    facts: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compressor:
    """Makes members of one network on one data set.

    Args:
        splits: data; batches as the network takes them, so `splits.raw()` for one that normalises by itself.
        folder: every member gets a folder in it.
        seed: of everything random.
        tell: told what is done.
    """

    splits: Splits
    folder: Path
    seed: int = 0
    tell: Told | None = None

    def dense(self, network: nn.Module) -> Member:
        """The network as it is."""
        self._check_answers(network)
        plain = self._plain(network)
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "model.onnx"
            to_onnx(plain, self._example(), file)
            facts = {
                "name": "dense",
                **self._judged(network),
                "size": cost.size(plain),
                "onnx_size": file.stat().st_size,
                "latency_ms": self._latency(file),
            }
        return Member(network=network, facts={**facts, **self._counted(network), "layers": _layers(network)})

    def pruned(self, member: Member, settings: Prune, *, name: str | None = None, folder: Path | None = None) -> Member:
        """A pruned copy, written as the files of any exported network to a folder, by default one of its name."""
        name = name or settings.name
        started = time.perf_counter()
        network = prune(
            member.network,
            sparsity=settings.sparsity,
            method=settings.method,
            scope=settings.scope,
            data=self.splits,
            classifier=settings.classifier,
            trainer=settings.trainer,
            distil=settings.distil,
            seed=self.seed,
            progress=self.tell,
        )
        seconds = time.perf_counter() - started
        folder = folder or self.folder / name
        written = export.save(
            self._plain(network),
            folder,
            example=self._example(),
            architecture={},
            classes=self.splits.classes,
            card={"title": f"{self.splits.name} classifier, pruned: {name}"},
            check_x=self._inputs(_EXAMPLES),
        )
        facts = {
            "name": name,
            "method": settings.method,
            "folder": str(folder),
            "seconds": seconds,
            **self._judged(network),
            **self._counted(network),
            "size": written.sizes["model.safetensors"],
            "onnx_size": written.sizes["model.onnx"],
            "latency_ms": self._latency(written.paths["model.onnx"]),
            "layers": _layers(network),
        }
        return Member(network=network, facts=facts)

    def quantised(
        self, member: Member, settings: Quantize, *, name: str | None = None, folder: Path | None = None
    ) -> Member:
        """A quantised copy, written as packed codes, as a program, and as int8 ONNX where that can hold it."""
        started = time.perf_counter()
        inputs, network = self._inputs(settings.samples), member.network
        graph = quantize(
            network,
            inputs,
            bits=settings.bits,
            method=settings.method,
            activation_bits=settings.activation_bits,
            ends=settings.ends,
            size=settings.size,
            bitops=settings.bitops,
            latency=settings.latency,
            latencies=None if settings.latencies is None else self._latencies(network, Path(settings.latencies)),
            seed=self.seed,
            progress=self.tell,
        )
        seconds = time.perf_counter() - started
        name = name or self.name(member, settings)
        folder = folder or self.folder / name
        written = export.save_quantised(graph, folder, calibration=inputs[:_EXAMPLES], classes=self.splits.classes)
        facts = {
            "name": name,
            "method": settings.method,
            "folder": str(folder),
            "seconds": seconds,
            **self._judged(graph),
            "params": member.facts["params"],
            "sparsity": member.facts["sparsity"],
            "weights": size_of(graph),
            "bitops": bitops_of(graph, inputs[:2]),
            "size": written.sizes["model.packed.safetensors"],
            "latency_ms": None,
            "int8": None,
            "reason": written.reason,
            "layers": _layers(graph),
        }
        if written.int8 is not None:
            facts["latency_ms"] = self._latency(written.int8.path)
            facts["onnx_size"] = written.int8.size
            facts["int8"] = {
                "accuracy": accuracy(answers(written.int8.path, self.splits.test), self.splits.test),
                "fused": written.int8.operators.fused,
                "islands": written.int8.operators.islands,
            }
        return Member(network=graph, facts=facts)

    def original(self, member: Member, folder: Path) -> None:
        """Write a float network as `model.onnx` beside its quantised copy, unless the run of that has it in `best/`."""
        if not (folder.parent.parent / "best" / "model.onnx").is_file():
            to_onnx(self._plain(member.network), self._example(), folder / "model.onnx")

    @staticmethod
    def name(member: Member, settings: Quantize) -> str:
        """Of a quantised copy."""
        before = member.facts["name"]
        return settings.name if before == "dense" else f"{before}-{settings.name}"

    def _plain(self, network: nn.Module) -> fx.GraphModule:
        graph = trace(network, self._inputs(2))
        fold(graph)
        return graph

    def _check_answers(self, network: nn.Module) -> None:
        """Raises UserError if it cannot take the data or does not choose among their classes."""
        samples, classes = self._inputs(2), len(self.splits.classes)
        check_takes(network, samples, "samples")
        with torch.no_grad():
            found = network.eval()(samples)
        if not isinstance(found, Tensor) or found.ndim != 2 or found.shape[1] < classes:
            what = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
            raise UserError(f"{self.splits.name} has {classes} classes: a network gives (N, {classes}), got {what}")

    def _inputs(self, count: int) -> Tensor:
        """Training samples as the network takes them, drawn at random, without labels."""
        train = self.splits.train
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(self.seed))[:count]
        return torch.cat([x for x, _ in train.subset(order).batches(256)])

    def _example(self) -> Tensor:
        return self._inputs(1)

    def _judged(self, network: nn.Module) -> dict[str, Any]:
        parts = {"valid": self.splits.valid, "test": self.splits.test}
        return {f"{name}_accuracy": evaluate(network, part)["accuracy"] for name, part in parts.items() if len(part)}

    def _counted(self, network: nn.Module) -> dict[str, Any]:
        return {
            "params": cost.params(network),
            "flops": cost.flops(network, (1, *self.splits.input_shape)),
            "sparsity": Masks.of(network).sparsity,
        }

    def _latencies(self, network: nn.Module, file: Path) -> dict[str, dict[int, float]]:
        """Milliseconds by layer and bits, of a file that names layers as `_layers` does."""
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            table = {str(name): {int(b): float(ms) for b, ms in row.items()} for name, row in found.items()}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise UserError(f"{file} is no table of latencies, {{layer: {{bits: ms}}}}: {error}") from None
        head = _head(list(layers(self._plain(network))))
        return {head + name: row for name, row in table.items()}

    def _latency(self, file: Path) -> float:
        return cost.onnx_latency(file, self._example().numpy()).ms


def _layers(network: nn.Module) -> list[dict[str, Any]]:
    """Name, weights, share of zeros and, of a quantised network, bits of every layer."""
    rows = list(_rows(network))
    head = _head([str(row["name"]) for row in rows])
    return [{**row, "name": str(row["name"]).removeprefix(head)} for row in rows]


def _head(names: Sequence[str]) -> str:
    """What the names of all layers of a network behind its normalisation begin with; of others, nothing."""
    heads = {name.partition(".")[0] for name in names}
    return f"{heads.pop()}." if heads in ({"1"}, {"network"}) else ""


def _rows(network: nn.Module) -> Iterator[dict[str, Any]]:
    found, bits = quantised_layers(network), bits_of(network)
    for name, layer in found.items():
        yield {
            "name": name,
            "weights": layer.layer.weight.numel(),
            "sparsity": float((layer.weight == 0).float().mean()),
            "bits": bits.get(name),
            "activation_bits": None if layer.inputs is None else int(layer.inputs.bits),  # type: ignore[arg-type]
        }
    if found:
        return
    for name, kept in Masks.of(network).items():
        yield {
            "name": name.removesuffix(".weight"),
            "weights": kept.numel(),
            "sparsity": 1 - float(kept.float().mean()),
        }
