"""From a supernet and an architecture to a plain network."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import torch.fx
from torch import nn

from archwright.supernet._searchable import Searchable, renew


def sliced(module: nn.Module, *, fresh: bool = False) -> nn.Module:
    """A copy of `module` under the running selection: searchable layers plain, weights copied, containers as they were.

    Only what the architecture uses is copied. A module used twice stays one module, a parameter two modules share stays
    one parameter. With `fresh` every layer draws new initial weights.

    Raises:
        UserError: `fresh`, and a layer with parameters of its own has no `reset_parameters`.
    """
    return _Slicing(fresh).of(module)


class _Slicing:
    """One pass over a module tree; remembers what it has copied."""

    def __init__(self, fresh: bool) -> None:
        self.fresh = fresh
        self.modules: dict[nn.Module, nn.Module] = {}
        self.parameters: dict[tuple[int, torch.Size], nn.Parameter] = {}

    def of(self, module: nn.Module) -> nn.Module:
        if module not in self.modules:
            self.modules[module] = self._copy(module)
        return self.modules[module]

    def _copy(self, module: nn.Module) -> nn.Module:
        if isinstance(module, Searchable):
            out = module.plain()
            if any(out is m for m in module.modules()):  # one of its options
                return self.of(out)
        else:
            out = _shallow(module)
        for name, child in list(out._modules.items()):
            out._modules[name] = None if child is None else self.of(child)
        if self.fresh:  # after its children, which `reset_parameters` of a container may reach into
            (module.renew if isinstance(module, Searchable) else renew)(out)
        self._tie(module, out)
        out.training = module.training
        return out

    def _tie(self, module: nn.Module, out: nn.Module) -> None:
        """Where another module has the same parameter (cut to the same size), take that one's copy."""
        for name, p in module._parameters.items():
            cut = out._parameters.get(name)
            if p is not None and cut is not None:
                out._parameters[name] = self.parameters.setdefault((id(p), cut.shape), cut)


def _shallow(module: nn.Module) -> nn.Module:
    """A copy with its own parameters, buffers and hooks and its own table of children."""
    out = copy.copy(module)
    for name, value in vars(module).items():
        if isinstance(value, dict | set):  # hooks, names of buffers, the user's own tables
            vars(out)[name] = value.copy()
    for name, p in module._parameters.items():
        out._parameters[name] = None if p is None else nn.Parameter(p.detach().clone(), p.requires_grad)
    for name, b in module._buffers.items():
        out._buffers[name] = None if b is None else b.detach().clone()
    return out


class _Layers(torch.fx.Tracer):
    """Stops at the layers of torch and at `whole`, walks through every other module.

    While `torch.fx` traces, it replaces `nn.Module.__call__` for the whole process: networks that other threads run
    meanwhile are let through untouched.
    """

    def __init__(self, whole: nn.Module | None = None) -> None:
        super().__init__()
        self._thread, self._whole = threading.get_ident(), whole

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return m is self._whole or (m.__module__.startswith("torch.") and not isinstance(m, nn.Sequential))

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


_TRACING = threading.RLock()


def flattened(module: nn.Module) -> torch.fx.GraphModule:
    """The same network as a graph over torch's own layers; the classes of its containers are gone.

    Raises:
        Exception: whatever `torch.fx` raises for control flow that depends on data.
        RuntimeError: the forward depends on the mode, which a graph would freeze.
    """
    traced = drawn(module)
    graph = torch.fx.Graph()  # a fresh graph does not remember the tracer, so that pickles need only torch
    graph.output(graph.graph_copy(traced, val_map={}))
    out = torch.fx.GraphModule(module, graph, class_name="Network")
    for made in {*out.modules()} - {*module.modules()}:
        made.training = module.training
    return out


def drawn(module: nn.Module, whole: nn.Module | None = None) -> torch.fx.Graph:
    """The graph of a network over torch's own layers, with the submodule `whole` as one of them.

    Raises:
        Exception: whatever `torch.fx` raises for control flow that depends on data.
        RuntimeError: the forward depends on the mode, which a graph would freeze.
    """
    graph = _traced(module, whole, training=False)
    if str(graph) != str(_traced(module, whole, training=True)):
        raise RuntimeError("its forward does something else in train than in eval mode")
    return graph


def _traced(module: nn.Module, whole: nn.Module | None, *, training: bool) -> torch.fx.Graph:
    modes = {m: m.training for m in module.modules()}
    try:
        for m in modes:
            m.training = training
        with _TRACING:
            return _Layers(whole).trace(module)
    finally:
        for m, mode in modes.items():
            m.training = mode
