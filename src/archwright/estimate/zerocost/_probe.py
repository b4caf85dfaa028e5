"""Run a network on copies of its state, so that it stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode


@contextmanager
def undisturbed(module: nn.Module, seed: int) -> Iterator[None]:
    """Gradients on, random numbers from `seed`; modes of all parts and the random state are put back on leaving."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        with torch.random.fork_rng(), torch.enable_grad(), torch.inference_mode(False):
            torch.manual_seed(seed)
            yield
    finally:
        for part, training in modes:
            if part.training is not training:
                part.training = training


class Probe:
    """A module in train or eval mode on copies of its parameters and buffers.

    Args:
        module: any network; only the modes of its parts change.
        training: mode of every part.
        learn: names of the parameters that gradients are asked for.
        parameters: in place of the module's own; copies are not needed, they are not written to.
        buffers: in place of copies of the module's own; the forward may write to them.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        training: bool = True,
        learn: Iterable[str] = (),
        parameters: Mapping[str, Tensor] | None = None,
        buffers: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.module = module.train(training)
        own = dict(module.named_parameters()) if parameters is None else parameters
        self.parameters = {name: p.detach() for name, p in own.items()}
        for name in learn:
            self.parameters[name].requires_grad_()
        self.buffers = {n: b.detach().clone() for n, b in module.named_buffers()} if buffers is None else dict(buffers)

    def __call__(self, x: Tensor) -> Any:
        """What the module returns for x."""
        return functional_call(self.module, {**self.parameters, **self.buffers}, (x,))


class Replacing(TorchFunctionMode):
    """While it is active, calls of some functions of torch, by layers or by hand, are answered by others.

    Args:
        table: function to its replacement, which takes the same arguments.
    """

    def __init__(self, table: Mapping[Callable[..., Any], Callable[..., Any]]) -> None:
        super().__init__()
        self.table = table

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return self.table.get(func, func)(*args, **(kwargs or {}))


def weights(module: nn.Module) -> dict[str, nn.Module]:
    """Convolutions and linear layers by the name of their weight; a weight that two layers share counts once."""
    layers: dict[str, nn.Module] = {}
    seen: set[nn.Parameter] = set()
    for path, part in module.named_modules():
        weight = part._parameters.get("weight") if layer(part) else None
        if weight is not None and weight not in seen:
            seen.add(weight)
            layers[f"{path}.weight".lstrip(".")] = part
    return layers


def layer(part: nn.Module) -> bool:
    """Whether its weight counts: any convolution or linear layer."""
    return isinstance(part, _ConvNd | nn.Linear)


def norms(module: nn.Module) -> dict[str, nn.Module]:
    """Batch normalisations by name."""
    return {name: part for name, part in module.named_modules() if isinstance(part, _BatchNorm)}


def gradients(of: Tensor, with_respect_to: Iterable[Tensor], **options: Any) -> list[Tensor]:
    """Gradients, zero where there is no path."""
    wanted = list(with_respect_to)
    if not of.requires_grad or not wanted:
        return [torch.zeros_like(w) for w in wanted]
    found = torch.autograd.grad(of, wanted, allow_unused=True, **options)
    return [torch.zeros_like(w) if g is None else g for g, w in zip(found, wanted)]
