"""Channels that are really removed."""

from __future__ import annotations

import copy
import dataclasses
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.utils import _pytree

from archwright.compress._criteria import pruned_to
from archwright.compress._held import train_held
from archwright.compress._masks import Masks
from archwright.compress._pruning import Needs, Pruning
from archwright.errors import UserError

Channels = dict[str, list[int]]
"""Of the first layer of every group, by its name."""
_LOG = logging.getLogger(__name__)
_SAMPLES: Final = 8  # that outputs are compared on
_TOLERANCE: Final = 1e-4  # of the largest output; a wrong channel changes it by far more, rounding by far less


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Structured:
    """Output channels are removed together with all that depends on them (DepGraph, Fang et al. 2023; the dependency
    graph is that of Torch-Pruning): the layer's rows, entries of its normalisation, columns of its consumers, and
    through sums, concatenations, depthwise convolutions and flattening whatever is coupled with it. The network becomes
    smaller and faster.

    A group of coupled channels is removed only if that changes nothing else: a copy with all its weights shaken must
    compute the same whether the channels are zeroed or gone. Groups that fail are left alone (and logged): channels
    that a layer or group normalisation averages over, grouped convolutions, heads of attention, shortcuts that pad
    channels, shapes written into the code. The outputs of the network are never touched.

    Channels are ranked by the sum of |w|^2 of each member's slice, mean over members, relative to the mean of the
    group. The sparsity is the share of channels that go, in every group (scope `"layer"`, the default) or of all
    channels (`"global"`); every group keeps at least one. As both inputs and outputs of a layer shrink, its weights
    fall by about 1 - (1 - sparsity)^2.

    Args:
        round_to: numbers of channels kept are multiples of it where a group has as many; kernels like 8.

    Raises:
        UserError: a setting out of range; when called, a network none of whose channels can be removed.
    """

    round_to: int = 1

    def __post_init__(self) -> None:
        if self.round_to < 1:
            raise UserError(f"round_to must be at least 1, got {self.round_to}")

    @property
    def needs(self) -> Needs:
        return "samples"

    def __call__(self, module: nn.Module, asked: Pruning) -> nn.Module:
        x = next(asked.batches(module))[0][:_SAMPLES]
        gradients = {name: p.requires_grad for name, p in module.named_parameters()}
        groups = _groups(module, x)
        twin = _shaken(module, asked.seed)
        if asked.scope == "global":
            halves = {name: _lowest(importance, len(importance) // 2) for name, importance in groups.items()}
            groups = {name: groups[name] for part in _exact(twin, halves, x)[1] for name in part}
        asked.tell("removing channels", 0, 1)
        found = {name: _lowest(groups[name], kept) for name, kept in self._kept(groups, asked).items()}
        wanted = {name: indices for name, indices in found.items() if indices}
        _, parts = _exact(twin, wanted, x)
        if not groups or (wanted and not parts):
            raise UserError(f"no channels of {type(module).__name__} can be removed without changing its other outputs")
        dense = copy.deepcopy(module)
        with _dependencies(module, x) as graph:
            for name, indices in (item for part in parts for item in part.items()):
                _zero(graph, _group(graph, module, name, indices))
        asked.recalibrated(module, dense)
        for part in parts:
            _remove(module, part, x)
        left = wanted.keys() - {name for part in parts for name in part}
        if left:
            _LOG.info("channels of %s cannot be removed exactly and are left alone", ", ".join(sorted(left)))
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(gradients[name])
        if asked.trainer is not None:
            train_held(module, asked.masks(module), asked, asked.trainer, what="fine-tuning")
        return module

    def _kept(self, groups: dict[str, Tensor], asked: Pruning) -> dict[str, int]:
        """Channels that stay in every group."""
        if asked.scope == "global":
            channels = Masks({name: torch.ones(len(importance)) for name, importance in groups.items()})
            rest = pruned_to(channels, groups, asked.sparsity)
            kept = {name: int(mask.sum()) for name, mask in rest.items()}
        else:
            share = 1 - asked.sparsity
            kept = {name: max(1, math.floor(share * len(i) + 1e-9)) for name, i in groups.items()}
        multiple = self.round_to
        return {n: min(max(round(k / multiple), 1) * multiple, len(groups[n])) for n, k in kept.items()}


@contextmanager
def _dependencies(module: nn.Module, x: Tensor) -> Iterator[Any]:
    """Torch-Pruning's graph of the module in eval mode, all of whose parameters need gradients meanwhile."""
    import torch_pruning

    module.eval().requires_grad_(True)
    graph = torch_pruning.DependencyGraph()
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        try:
            graph.build_dependency(module, (x,), verbose=False)
        except Exception as error:  # whatever a shape raises that it cannot follow, a channel shuffle for one
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(f"the channels of {type(module).__name__} cannot be followed: {reason}") from error
    with torch.no_grad():
        yield graph


def _groups(module: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """By the name of the first layer of every group of coupled channels, how important each channel is."""
    import torch_pruning

    importance = torch_pruning.importance.GroupMagnitudeImportance(p=2)
    found: dict[str, Tensor] = {}
    seen: set[nn.Module] = set()
    with _dependencies(module, x) as graph:
        for name, layer in module.named_modules():
            if not isinstance(layer, _ConvNd | nn.Linear) or layer in seen or layer not in graph.module2node:
                continue
            try:
                group = _group(graph, module, name, range(layer.weight.shape[isinstance(layer, _ConvTransposeNd)]))
                scores = importance(group)
            except Exception as error:
                _LOG.info("channels of %s cannot be followed: %s", name, error)
                continue
            coupled = [d.target for d, _ in group if graph.is_out_channel_pruning_fn(d.handler)]
            seen |= {node.module for node in coupled if isinstance(node.module, nn.Module)}
            whole = isinstance(scores, Tensor) and len(scores) == len(group[0].idxs) > 1
            if whole and all(node.outputs for node in coupled):  # else they are outputs of the network
                found[name] = torch.nan_to_num(scores.detach().double().cpu())
    return found


def _lowest(importance: Tensor, kept: int) -> list[int]:
    """Channels to remove; of equal ones the first."""
    order: list[int] = importance.sort(stable=True).indices.tolist()
    return sorted(order[: len(importance) - kept])


def _shaken(module: nn.Module, seed: int) -> nn.Module:
    """A copy none of whose weights is zero or as it was, so that nothing hides what surgery does."""
    twin, generator = copy.deepcopy(module), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in twin.parameters():
            size = float(parameter.square().mean().sqrt()) or 1.0
            noise = torch.randn(parameter.shape, generator=generator).to(parameter)
            parameter.add_(noise, alpha=0.1 * size)
    return twin


def _exact(module: nn.Module, wanted: Channels, x: Tensor) -> tuple[nn.Module, list[Channels]]:
    """A copy without those of the wanted channels that can be removed exactly, and which these are, in the parts in
    which they were removed. All are tried at once, then halves of them."""
    if not wanted:
        return module, []
    smaller = _without(module, wanted, x)
    if smaller is not None:
        return smaller, [wanted]
    if len(wanted) == 1:
        return module, []
    names, parts = list(wanted), []
    for half in (names[: len(names) // 2], names[len(names) // 2 :]):
        module, found = _exact(module, {name: wanted[name] for name in half}, x)
        parts += found
    return module, parts


def _without(module: nn.Module, wanted: Channels, x: Tensor) -> nn.Module | None:
    """A copy without some channels, None if it computes something else than with zeros in their place."""
    zeroed = copy.deepcopy(module)
    try:
        with _dependencies(zeroed, x) as graph:
            for name, indices in wanted.items():
                _zero(graph, _group(graph, zeroed, name, indices))
            before = _pytree.tree_leaves(zeroed(x))
        _remove(zeroed, wanted, x)
        with torch.no_grad():
            after = _pytree.tree_leaves(zeroed(x))
    except Exception as error:  # whatever surgery and a network that does not fit any more raise
        _LOG.debug("channels of %s: %s", ", ".join(wanted), error)
        return None
    same = all(a.shape == b.shape and _close(a, b) for a, b in zip(before, after, strict=True))
    return zeroed if same else None


def _remove(module: nn.Module, wanted: Channels, x: Tensor) -> None:
    with _dependencies(module, x) as graph:
        for name, indices in wanted.items():
            _group(graph, module, name, indices).prune()


def _close(a: Tensor, b: Tensor) -> bool:
    return float((a - b).abs().max()) <= _TOLERANCE * float(a.abs().max())


def _group(graph: Any, module: nn.Module, name: str, indices: Sequence[int]) -> Any:
    root = module.get_submodule(name)
    return graph.get_pruning_group(root, graph.get_pruner_of_module(root).prune_out_channels, list(indices))


def _zero(graph: Any, group: Any) -> None:
    """Zero what `group` would remove: rows and biases of layers, entries of norms, columns of consumers."""
    for dependency, indices in group:
        layer = dependency.target.module
        if isinstance(layer, _ConvNd | nn.Linear):
            rows = graph.is_out_channel_pruning_fn(dependency.handler)
            axis = int(rows == isinstance(layer, _ConvTransposeNd))
            layer.weight.index_fill_(axis, torch.tensor(indices, device=layer.weight.device), 0)
            if rows and layer.bias is not None:
                layer.bias[indices] = 0
        elif isinstance(layer, _NormBase) and layer.affine:
            layer.weight[indices] = 0
            layer.bias[indices] = 0
