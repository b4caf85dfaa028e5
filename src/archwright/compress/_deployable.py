"""The simulated network as a runtime computes it."""

from __future__ import annotations

import copy
from typing import Any, Literal, get_args

import torch
from torch import Tensor, fx, nn

from archwright.compress._affine import Affine
from archwright.compress._check import check_takes
from archwright.compress._placement import Place, called, places, ready
from archwright.compress._quantised import Quantised, quantised_layers
from archwright.compress._ranges import Ranges, Seen
from archwright.compress._stored import BITS, Stored
from archwright.errors import UserError, nearest

Unsupported = Literal["refuse", "float"]
_MOST_BIAS = 2.0**30  # the other half of int32 is left to the products
_BATCH = 100


@torch.no_grad()
def deployable(
    graph: fx.GraphModule,
    calibration: Tensor,
    *,
    reduce_range: bool = False,
    unsupported: Unsupported = "refuse",
    ranges: Ranges = "mse",
) -> fx.GraphModule:
    """The simulated network as an integer runtime computes it; `graph` itself is left as it is.

    - Every tensor is kept as integers once (`Stored`), for all that read it. Where `quantize` has put no quantiser and
      a runtime needs one (both inputs of a residual sum, pooled tensors, concatenations, what a convolution gives), an
      8-bit one is added, with a range from `calibration`. Readers with 8 bits share one grid, the widest; one with
      fewer bits codes the tensor again.
    - A bias is a 32-bit integer at the step of the input times that of the weights. A channel whose bias does not fit,
      as its weights are all but zero, gets larger steps.
    - Fewer than 8 bits stay what they are: codes of a smaller range in a container of 8 bits.

    Args:
        graph: from `quantize`; one that this function gave comes back as a copy.
        calibration: inputs as the network takes them, (N, ...).
        reduce_range: whether 8-bit symmetric weights get 7 bits: on processors without VNNI two products of 8-bit
            integers are added in 16 bits, 2 x 255 x 127 saturates there, 2 x 255 x 63 does not. Asymmetric weights are
            left alone, runtimes multiply them in 16 bits.
        unsupported: what to do with a layer that no runtime computes with 8-bit integers (a power grid, more than 8
            bits, float weights with a quantised input): refuse it, or leave it simulated in floats.
        ranges: how the ranges of added quantisers are found.

    Raises:
        UserError: such a layer, a network of several inputs, samples that it cannot take, or an unknown `unsupported`.
    """
    if unsupported not in get_args(Unsupported):
        raise UserError(f"unknown unsupported {unsupported!r}{nearest(unsupported, get_args(Unsupported))}")
    check_one_input(graph)
    check_takes(graph, calibration, "calibration samples")
    work = copy.deepcopy(graph).eval().requires_grad_(False)
    if any(isinstance(m, Stored) for m in work.modules()):
        return work
    if unsupported == "refuse":
        _refuse(work)
    found = places(work)
    grids = _grids(work, found, calibration, ranges)
    for place in found:
        _store(work, place, grids.get(place))
    for node in work.graph.nodes:
        layer = called(work, node)
        if layer is not None:
            stored = work.get_submodule(str(node.args[0].target))
            assert isinstance(stored, Stored)
            _settle(layer, stored.scale, reduce_range=reduce_range)
    work.graph.lint()
    work.recompile()
    return work


def check_one_input(graph: fx.GraphModule) -> None:
    """Raises UserError if the network has several inputs."""
    names = [str(node.target) for node in graph.graph.find_nodes(op="placeholder")]
    if len(names) != 1:
        raise UserError(f"runtimes get networks of one input, this takes {', '.join(names)}; pack can write it")


def _refuse(graph: fx.GraphModule) -> None:
    for name, layer in quantised_layers(graph).items():
        small = isinstance(layer.weights, Affine) and layer.weights.bits <= BITS
        if ready(layer) or (layer.inputs is None and (small or layer.weights is None)):
            continue
        what, part = ("input", layer.inputs) if small else ("weights", layer.weights)
        reason = "float" if part is None else f"{part.bits} bits" if isinstance(part, Affine) else "a power grid"
        raise UserError(
            f"layer {name} has no 8-bit integer form ({what}: {reason}); quantise on the uniform grid with at most 8 "
            "bits, or pass unsupported='float' to ship such layers in floats"
        )


def _grids(graph: fx.GraphModule, found: list[Place], calibration: Tensor, ranges: Ranges) -> dict[Place, Stored]:
    """The grid of every tensor that all its readers share."""
    chosen = {place: place.chosen() for place in found if not (place.apart and place.chosen() is None)}
    seen = {place.node: Seen() for place, grid in chosen.items() if grid is None}
    if seen:
        looking = _Looking(graph, seen)
        for x in torch.split(calibration, _BATCH):
            looking.run(x)

    def simulate(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        return Affine(BITS, low, high)(x)

    return {
        place: Stored.of(Affine(BITS, *seen[place.node].range(ranges, simulate))) if grid is None else grid
        for place, grid in chosen.items()
    }


class _Looking(fx.Interpreter):
    """Takes note of some values."""

    def __init__(self, graph: fx.GraphModule, seen: dict[fx.Node, Seen]) -> None:
        super().__init__(graph)
        self._seen = seen

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n in self._seen:
            self._seen[n].add(value)
        return value


def _store(graph: fx.GraphModule, place: Place, grid: Stored | None) -> None:
    """Put the quantisers of one tensor into the graph."""
    kept: dict[fx.Node, fx.Node] = {}
    if grid is not None:
        kept[place.node] = _inserted(graph, place.node, grid)
        for _, value in place.readers:
            if value not in kept:
                kept[value] = _inserted(graph, value, grid)
        for value, stored in kept.items():
            for reader in [u for u in value.users if u is not stored]:
                if place.everyone or (reader, value) in place.readers:
                    reader.replace_input_with(value, stored)
    own: dict[tuple[fx.Node, object], fx.Node] = {}
    for reader, value in place.readers:
        wanted = place.grids.get(reader)
        if wanted is None or (grid is not None and (wanted.full or wanted.key == grid.key)):
            continue
        source = kept.get(value, value)
        again = own.get((source, wanted.key)) or _inserted(graph, source, wanted)
        own[source, wanted.key] = again
        reader.replace_input_with(source, again)


def _inserted(graph: fx.GraphModule, node: fx.Node, grid: Stored) -> fx.Node:
    name, n = f"{node.name}_stored", 2
    while name in graph._modules:
        name, n = f"{node.name}_stored_{n}", n + 1
    graph.add_module(name, Stored(grid.scale, grid.zero, grid.low, grid.high))
    with graph.graph.inserting_after(node):
        return graph.graph.call_module(name, (node,))


def _settle(layer: Quantised, step: Tensor, *, reduce_range: bool) -> None:
    """Weights and bias of a layer whose input is kept in steps of `step`."""
    weights, inner = layer.weights, layer.layer
    assert isinstance(weights, Affine)
    if reduce_range and weights.symmetric and weights.bits == BITS:
        half = weights.range / 2
        weights = layer.weights = Affine(BITS - 1, -half, half, symmetric=True).requires_grad_(False)
    layer.inputs = None
    if inner.bias is None:
        return
    shape = (-1, *[1] * (inner.weight.ndim - 1))
    least = (inner.bias.abs() / (_MOST_BIAS * step)).reshape(shape) * weights.levels
    weights.range.copy_(torch.maximum(weights.range, least))
    unit = step * weights.scale.expand(len(inner.bias), *weights.scale.shape[1:]).flatten()
    inner.bias = nn.Parameter((inner.bias.double() / unit.double()).round().float() * unit, requires_grad=False)
