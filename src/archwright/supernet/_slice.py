"""From a supernet and an architecture to a plain network."""

from __future__ import annotations

import copy

import torch.fx
from torch import nn

from archwright.supernet._searchable import Searchable, renew


def sliced(module: nn.Module, *, fresh: bool = False) -> nn.Module:
    """A copy of `module` under the running selection: searchable layers plain, weights copied, containers as they were.

    Only what the architecture uses is copied. A module used twice stays one module. With `fresh` every layer draws new
    initial weights.
    """
    return _sliced(module, fresh, {})


def _sliced(module: nn.Module, fresh: bool, done: dict[int, tuple[nn.Module, nn.Module]]) -> nn.Module:
    if id(module) in done:
        return done[id(module)][1]
    plain, owner = module, module
    while isinstance(plain, Searchable):
        plain, owner = plain.plain(), plain
    if isinstance(owner, Searchable) and not any(plain is m for m in owner.modules()):
        out = plain  # made for the occasion
    else:
        out = _shallow(plain)
    if fresh:
        (owner.renew if isinstance(owner, Searchable) else renew)(out)
    out.training = module.training
    for name, child in list(out._modules.items()):
        if child is not None:
            out._modules[name] = _sliced(child, fresh, done)
    done[id(module)] = (module, out)  # held, so that no other module takes its id
    return out


def _shallow(module: nn.Module) -> nn.Module:
    """A copy with its own parameters and buffers and its own table of children."""
    out = copy.copy(module)
    out._modules, out._parameters, out._buffers = dict(module._modules), {}, {}
    for name, p in module._parameters.items():
        out._parameters[name] = None if p is None else nn.Parameter(p.detach().clone(), p.requires_grad)
    for name, b in module._buffers.items():
        out._buffers[name] = None if b is None else b.detach().clone()
    return out


class _Layers(torch.fx.Tracer):
    """Stops at the layers of torch, walks through every other module."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return m.__module__.startswith("torch.") and not isinstance(m, nn.Sequential)


def flattened(module: nn.Module) -> torch.fx.GraphModule:
    """The same network as a graph over torch's own layers; the classes of its containers are gone.

    Raises:
        Exception: whatever `torch.fx` raises for control flow that depends on data.
    """
    traced = _Layers().trace(module)
    graph = torch.fx.Graph()  # a fresh graph does not remember the tracer, so that pickles need only torch
    graph.output(graph.graph_copy(traced, val_map={}))
    return torch.fx.GraphModule(module, graph, class_name="Network")
