"""Post-training quantisation: the pipelines."""

from __future__ import annotations

import copy
import dataclasses
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, final

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.utils.data import Dataset

from archwright.compress._activations import LIMIT, by_sample
from archwright.compress._adaquant import AdaQuant
from archwright.compress._affine import Affine, check_bits
from archwright.compress._allocate import allocate
from archwright.compress._allocate_bits import FLOAT, LEAST_LOSS
from archwright.compress._bias_tuning import tune_biases
from archwright.compress._bit_limits import BitLimits, Latencies, positions
from archwright.compress._calibration import gathered
from archwright.compress._divergence import answers, divergence
from archwright.compress._fold import Folded, fold
from archwright.compress._nupes import Nupes
from archwright.compress._power import Power, best_exponent
from archwright.compress._quantised import Quantised, follows_relu, quantised_layers, replace
from archwright.compress._ranges import Ranges, Seen, check_ranges, weight_range
from archwright.compress._single import single, single_trace
from archwright.compress._statistics_tuning import of_calibration, tune_statistics
from archwright.compress._trace import Layer, layers
from archwright.compress._walk import Walk
from archwright.data import Split
from archwright.errors import UserError, nearest

Grid = Literal["uniform", "power"]
Order = Literal["parallel", "sequential"]
Calibration = Tensor | Split | Mapping[str, Tensor] | Iterable[Any] | Dataset[Any]
Told = Callable[[str, int, int], None]
"""(what, done, of how many)."""
_LIVE = 8  # tensors of all samples that are alive at once, of a residual network on both sides
_SYMMETRIC = 8  # bits
_JUDGED = 256  # samples that a choice of bits is judged on


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Quantization:
    """A pipeline of post-training quantisation.

    Args:
        grid: `"uniform"`, or `"power"` with one exponent found without data.
        ranges: how ranges are found, for the uniform grid and all activations.
        learn: `AdaQuant` or `Nupes` for every layer, or None.
        order: whether a layer learns from the inputs of the full-precision network (`"parallel"`) or from those of the
            layers quantised before it (`"sequential"`).
        statistics: whether the statistics of folded normalisations are tuned at the end; the tuned network is kept if
            that brings its answers closer to the full-precision ones on the calibration data.
        biases: steps by which biases are tuned after that, 0 for none.
        symmetric: whether weights have their zero point in the middle; None: from 8 bits on, where it costs nothing and
            runtimes are several times as fast.
    """

    grid: Grid = "uniform"
    ranges: Ranges = "min-max"
    learn: AdaQuant | Nupes | None = None
    order: Order = "sequential"
    statistics: bool = False
    biases: int = 0
    symmetric: bool | None = None

    def __post_init__(self) -> None:
        check_ranges(self.ranges)
        if self.grid not in ("uniform", "power"):
            raise UserError(f"grid is 'uniform' or 'power', got {self.grid!r}")
        if self.order not in ("parallel", "sequential"):
            raise UserError(f"order is 'parallel' or 'sequential', got {self.order!r}")
        if isinstance(self.learn, Nupes) != (self.grid == "power") and self.learn is not None:
            raise UserError("Nupes learns on the power grid, AdaQuant on the uniform one")


METHODS: dict[str, Quantization] = {
    "minmax": Quantization(),
    "percentile": Quantization(ranges="percentile"),
    "mse": Quantization(ranges="mse"),
    "light": Quantization(statistics=True),
    "adaquant-parallel": Quantization(ranges="mse", learn=AdaQuant(), order="parallel"),
    "adaquant": Quantization(ranges="mse", learn=AdaQuant()),
    "advanced": Quantization(ranges="mse", learn=AdaQuant(), statistics=True, biases=800),
    "nupes-data-free": Quantization(grid="power"),
    "nupes": Quantization(grid="power", ranges="mse", learn=Nupes()),
}
"""Pipelines by name."""


def quantize(
    module: nn.Module,
    calibration: Calibration,
    *,
    bits: int = 8,
    method: str | Quantization = "adaquant",
    activation_bits: int | None = None,
    ends: int | None = 8,
    size: float | None = None,
    bitops: float | None = None,
    latency: float | None = None,
    latencies: Latencies | None = None,
    batch_size: int = 100,
    memory: int = LIMIT,
    seed: int = 0,
    progress: Told | None = None,
) -> fx.GraphModule:
    """`module` with simulated low-precision weights and activations; the module itself is left as it is.

    Batch normalisation is folded, every convolution and linear layer gets a quantiser for its weights, one grid for
    each output channel, and one for its input. Transposed convolutions, recurrent layers and embeddings stay in floats.
    A network of half or double precision is simulated in float32.

    Args:
        module: a trained network that `torch.export` can read.
        calibration: inputs as the network takes them, at least 2: a tensor (N, ...); a tuple of tensors for a network
            of several inputs, or a mapping by their names; a `Split`, whose samples are normalised; a data set; or
            batches of any of these, such as those of a `DataLoader`. Labels that follow the inputs are left out.
        bits: of weights and activations, 2 to 16; with a limit, the fewest that a layer may get.
        method: one of `METHODS`, or a pipeline.
        activation_bits: of activations; None: as the weights of the layer.
        ends: bits of the first and the last layer; None: as all others.
        size: fraction of the float32 size of the weights that is allowed: bits of every layer by integer programming.
        bitops: the same for bit operations, multiply-adds x bits of the weights x bits of the input.
        latency: milliseconds that all layers may take together, by `latencies`. Limits may be combined.
        latencies: milliseconds of every layer by bits, of the device that it is for; bits that it lacks are not chosen.
        batch_size: calibration samples at once.
        memory: bytes of activations kept in memory; more go to disk.
        seed: of everything random.
        progress: told what is done.

    Returns:
        A graph of plain layers in `Quantised` ones; `quantised_layers` lists them.

    Raises:
        UserError: unsupported bits, an unknown method, weights or calibration data that are not finite or do not fit, a
            limit that cannot be reached (the smallest reachable is named), a network that cannot be traced.

    Warns:
        UserWarning: fewer calibration samples than a layer has unknowns (Hubara et al. 2021, section 4).
    """
    pipeline = _pipeline(method)
    bits, ends = check_bits(bits), None if ends is None else check_bits(ends)
    activation_bits = None if activation_bits is None else check_bits(activation_bits)
    limits = BitLimits(size=size, bitops=bitops, latency=latency, latencies=latencies)
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, got {batch_size}")
    samples = gathered(module, calibration)
    if any(isinstance(m, Quantised) for m in module.modules()):
        raise UserError(f"{type(module).__name__} is quantised already: quantise the network that it was made of")
    reference = single_trace(module, tuple(x[:2] for x in samples))
    samples = tuple(single(x) for x in samples)
    folded = fold(reference)
    reference.requires_grad_(False)
    work = _Work(pipeline, reference, folded, samples, batch_size, memory, seed, activation_bits, progress)
    names = list(layers(reference))
    if not names:
        raise UserError(f"{type(module).__name__} has no convolution and no linear layer to quantise")
    if pipeline.learn is not None:
        _warn_if_few(work, len(samples[0]))
    chosen = dict.fromkeys(names, bits)
    if ends is not None:
        chosen[names[0]] = chosen[names[-1]] = ends
    if limits.any:
        chosen = work.allocated(chosen, limits)
    graph = work.built(chosen)
    work.learned(graph)
    if pipeline.statistics:
        graph = work.with_statistics(graph)
    if pipeline.biases:
        work.tell("tuning biases", 0, 1)
        tune_biases(graph, samples, work.logits(), steps=pipeline.biases, seed=seed)
    graph.requires_grad_(False)
    return graph


def bits_of(graph: nn.Module) -> dict[str, int]:
    """Bits of the weights of every quantised layer."""
    return {n: int(m.weights.bits) for n, m in quantised_layers(graph).items() if m.weights is not None}  # type: ignore[arg-type]


def size_of(graph: nn.Module) -> float:
    """Size of the weights of all quantised layers as a fraction of float32."""
    found = quantised_layers(graph)
    count = {n: m.layer.weight.numel() for n, m in found.items()}
    bits = bits_of(graph)
    return sum(bits.get(n, FLOAT) * c for n, c in count.items()) / (FLOAT * sum(count.values()))


def _pipeline(method: str | Quantization) -> Quantization:
    if isinstance(method, Quantization):
        return method
    if method not in METHODS:
        raise UserError(f"unknown method {method!r}{nearest(str(method), METHODS)}")
    return METHODS[method]


class _Work:
    """One quantisation at work."""

    def __init__(
        self,
        pipeline: Quantization,
        reference: fx.GraphModule,
        folded: Mapping[str, Folded],
        samples: tuple[Tensor, ...],
        batch_size: int,
        memory: int,
        seed: int,
        activation_bits: int | None,
        progress: Told | None,
    ) -> None:
        self.pipeline, self.reference, self.folded, self.samples = pipeline, reference, folded, samples
        self._batch_size, self._memory, self._seed = batch_size, memory, seed
        self._activation_bits, self._progress = activation_bits, progress
        self._seen = self._looked()
        self._exponent: float | None = None

    def tell(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)

    def batches(self, count: int | None = None) -> Iterator[tuple[Tensor, ...]]:
        """The first `count` calibration samples, in batches as equal as can be: one of a single sample has no
        statistics."""
        samples = [x[:count] for x in self.samples]
        total = len(samples[0])
        parts = max(1, min(-(-total // self._batch_size), total // 2))
        return zip(*(torch.tensor_split(x, parts) for x in samples), strict=True)

    @torch.no_grad()
    def logits(self, graph: fx.GraphModule | None = None, count: int | None = None) -> list[Tensor]:
        """Of every head."""
        graph = graph or self.reference
        found = [answers(graph(*batch)) for batch in self.batches(count)]
        return [torch.cat(parts) for parts in zip(*found, strict=True)]

    @torch.no_grad()
    def _looked(self) -> dict[str, Seen]:
        """One pass that takes note of the inputs of all layers."""
        seen, count = {name: Seen() for name in layers(self.reference)}, 0
        handles = [
            self.reference.get_submodule(name).register_forward_pre_hook(
                lambda m, args, s=s: s.add(by_sample(args[0], count))
            )
            for name, s in seen.items()
        ]
        try:
            for batch in self.batches():
                count = len(batch[0])
                self.reference(*batch)
        finally:
            for handle in handles:
                handle.remove()
        return seen

    def built(self, bits: Mapping[str, int]) -> fx.GraphModule:
        """The reference with quantisers."""
        graph = copy.deepcopy(self.reference)
        for name, layer in layers(graph).items():
            replace(graph, name, self.quantised(name, layer, bits[name]))
        return graph.eval()

    def quantised(self, name: str, layer: Layer, bits: int) -> Quantised:
        """One layer with its quantisers."""
        activations = self._activation_bits or bits
        return Quantised(layer, self._weights(layer.weight, bits), self._inputs(name, activations))

    def _weights(self, weight: Tensor, bits: int) -> nn.Module:
        pipeline = self.pipeline
        if pipeline.grid == "power":
            most = weight.detach().flatten(1).abs().amax(1).reshape(-1, *[1] * (weight.ndim - 1))
            return Power(bits, self.exponent(bits), most)

        symmetric = bits >= _SYMMETRIC if pipeline.symmetric is None else pipeline.symmetric

        def simulate(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
            return Affine(bits, low, high, symmetric=symmetric)(x).detach()

        return Affine(bits, *weight_range(weight, pipeline.ranges, simulate), symmetric=symmetric)

    def exponent(self, bits: int) -> float:
        """The one of the network, at the bits of most of its layers."""
        if self._exponent is None:
            weights = [layer.weight for layer in layers(self.reference).values()]
            self._exponent = best_exponent(weights, [bits] * len(weights))
        return self._exponent

    def _inputs(self, name: str, bits: int) -> nn.Module:
        def simulate(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
            return Affine(bits, low, high)(x).detach()

        low, high = self._seen[name].range(self.pipeline.ranges, simulate)
        if self.pipeline.grid == "power":
            signed = bool(low < 0)
            return Power(bits, self.exponent(bits), torch.maximum(high, -low), signed=signed)
        return Affine(bits, low, high)

    def learned(self, graph: fx.GraphModule) -> None:
        """Every layer optimised, in the order they run."""
        learn = self.pipeline.learn
        if learn is None:
            return
        found, originals = quantised_layers(graph), layers(self.reference)
        reference, simulated = self._walk(self.reference), self._walk(graph)
        for n, (name, layer) in enumerate(found.items()):
            self.tell(f"learning {name}", n, len(found))
            targets = reference.into(name)
            inputs = targets if self.pipeline.order == "parallel" else simulated.into(name)
            learn(layer, originals[name], inputs, targets, relu=follows_relu(graph, name), seed=self._seed + n)

    def with_statistics(self, graph: fx.GraphModule) -> fx.GraphModule:
        """`graph` with tuned statistics, or as it is where they take it away from the reference: learnt layers of least
        squared error have too little variance on purpose, and giving it back adds error."""
        self.tell("tuning statistics", 0, 1)
        tuned = copy.deepcopy(graph)
        tune_statistics(tuned, of_calibration(self.reference, self.folded, self.batches()), self.batches())
        wanted = self.logits()
        apart = [float(divergence(self.logits(g), wanted)) for g in (graph, tuned)]
        return tuned if apart[1] < apart[0] else graph

    def _walk(self, graph: fx.GraphModule) -> Walk:
        return Walk(graph, self.batches(), limit=self._memory // _LIVE)

    def macs(self) -> dict[str, int]:
        """Multiply-adds of every layer for one sample."""
        places = positions(self.reference, tuple(x[:2] for x in self.samples))
        return {name: places[name] * layer.weight.numel() for name, layer in layers(self.reference).items()}

    def allocated(self, least: Mapping[str, int], limits: BitLimits) -> dict[str, int]:
        """Bits of every layer, at least `least`, so that little is lost within the limits."""
        names, base = list(least), max(8, *least.values())
        options = list(range(base, min(least.values()) - 1, -1))
        sizes = [layer.weight.numel() for layer in layers(self.reference).values()]
        bounds = limits.of(options, self.macs(), sizes, self._activation_bits)
        losses = np.array([[0.0 if option >= least[name] else math.inf for option in options] for name in names])
        for bound in bounds:
            bound.check(np.isfinite(losses))
        wanted = self.logits(count=_JUDGED)
        graph = self.built(dict.fromkeys(names, base))
        start = float(divergence(self.logits(graph, _JUDGED), wanted))
        for n, name in enumerate(names):
            self.tell("measuring what every layer loses", n, len(names))
            kept = graph.get_submodule(name)
            for k, option in enumerate(options[1:], 1):
                if option < least[name]:
                    continue
                layer = copy.deepcopy(layers(self.reference)[name])
                replace(graph, name, self.quantised(name, layer, option))
                losses[n, k] = max(float(divergence(self.logits(graph, _JUDGED), wanted)) - start, LEAST_LOSS)
            replace(graph, name, kept)
        return {name: options[k] for name, k in zip(names, allocate(losses, bounds), strict=True)}


def _warn_if_few(work: _Work, count: int) -> None:
    """A convolution is determined by C_in k^2 / (H W) samples, a linear layer by as many as it has inputs."""
    most, where = 0.0, ""
    places = positions(work.reference, tuple(x[:2] for x in work.samples))
    for name, layer in layers(work.reference).items():
        unknowns = layer.weight[0].numel()
        times = 1 if isinstance(layer, nn.Linear) else places[name]
        if unknowns / times > most:
            most, where = unknowns / times, name
    if count < most:
        warnings.warn(
            f"{count} calibration samples are fewer than the {most:.0f} that {where} needs to be determined "
            "(input channels x kernel / positions); it may over-fit",
            stacklevel=3,
        )
