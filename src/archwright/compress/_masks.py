"""Which weights of a network are pruned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self, final

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from archwright.errors import UserError


@final
class Masks(Mapping[str, Tensor]):
    """Names of weights and for each a bool tensor of its shape: kept or pruned.

    A pruned weight is an exact zero, so a pruned network is an ordinary one and `Masks.of` finds its masks again.

    Args:
        masks: True where a weight is kept. They are copied.
    """

    def __init__(self, masks: Mapping[str, Tensor]) -> None:
        self._masks = {name: mask.detach().clone().to(torch.bool) for name, mask in masks.items()}

    @classmethod
    def of(cls, module: nn.Module, *, classifier: bool = True) -> Self:
        """The masks of a network: its weights that are not exactly zero are kept.

        Args:
            module: any network.
            classifier: whether the last linear layer counts.
        """
        return cls({name: weight != 0 for name, weight in prunable(module, classifier=classifier).items()})

    @classmethod
    def dense(cls, module: nn.Module, *, classifier: bool = True) -> Self:
        """Masks that keep all."""
        found = prunable(module, classifier=classifier)
        return cls({name: torch.ones_like(weight, dtype=torch.bool) for name, weight in found.items()})

    def __getitem__(self, name: str) -> Tensor:
        return self._masks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._masks)

    def __len__(self) -> int:
        return len(self._masks)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Masks) and self.keys() == other.keys() and self.distance(other) == 0

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Masks({len(self)} layers, {self.kept} of {self.total} weights kept)"

    @property
    def total(self) -> int:
        """Weights, pruned or not."""
        return sum(mask.numel() for mask in self.values())

    @property
    def kept(self) -> int:
        """Weights that are not pruned."""
        return sum(int(mask.sum()) for mask in self.values())

    @property
    def sparsity(self) -> float:
        """Pruned share of all weights that the masks speak of, in [0, 1]."""
        return 1 - self.kept / self.total if self.total else 0.0

    def densities(self) -> dict[str, float]:
        """Kept share of every layer."""
        return {name: float(mask.float().mean()) for name, mask in self.items()}

    @torch.no_grad()
    def apply_(self, module: nn.Module) -> None:
        """Zero the pruned weights of `module` in place.

        Raises:
            UserError: the module lacks a weight, or it has another shape.
        """
        for weight, pruned in self._pruned(module):
            weight.masked_fill_(pruned, 0)

    def hold(self, module: nn.Module, optimizer: Optimizer) -> RemovableHandle:
        """Zero the pruned weights now and after every step of `optimizer`, so that neither momentum nor weight decay
        nor a gradient moves one.

        Args:
            module: whose weights the optimiser steps.
            optimizer: of any kind.

        Returns:
            What ends it: call `remove()`, or use it in a `with` statement.

        Raises:
            UserError: as `apply_`.
        """
        pairs = self._pruned(module)

        @torch.no_grad()
        def zero(*_: Any) -> None:
            for weight, pruned in pairs:
                weight.masked_fill_(pruned, 0)

        zero()
        return optimizer.register_step_post_hook(zero)

    def random_like(self, generator: torch.Generator, *, within: Masks | None = None) -> Masks:
        """Masks with as many kept weights in every layer, drawn at random: the control that a method for choosing
        weights has to beat.

        Args:
            generator: of the CPU.
            within: draw among the weights that these keep.

        Raises:
            UserError: `within` keeps fewer in a layer.
        """
        return Masks(
            {n: _drawn(n, int(m.sum()), m if within is None else within[n], within, generator) for n, m in self.items()}
        )

    def __and__(self, other: Masks) -> Masks:
        """Weights that both keep. Layers that only one speaks of stay as they are in it."""
        both = {name: mask & other[name] if name in other else mask for name, mask in self.items()}
        return Masks({**other, **both})

    def distance(self, other: Masks) -> int:
        """Weights that one keeps and the other does not (Hamming distance).

        Raises:
            UserError: they speak of different weights.
        """
        if self.keys() != other.keys():
            odd = sorted(self.keys() ^ other.keys())[0]
            raise UserError(f"masks of different networks cannot be compared: {odd} is in one of them only")
        return sum(int((mask != other[name].to(mask.device)).sum()) for name, mask in self.items())

    def state_dict(self) -> dict[str, Tensor]:
        """Bool tensors by name, to be stored; `Masks(state)` reads them."""
        return {name: mask.clone() for name, mask in self.items()}

    def _pruned(self, module: nn.Module) -> list[tuple[nn.Parameter, Tensor]]:
        parameters = dict(module.named_parameters())
        pairs = []
        for name, mask in self.items():
            weight = parameters.get(name)
            if weight is None or weight.shape != mask.shape:
                found = "there is none" if weight is None else f"it has shape {tuple(weight.shape)}"
                raise UserError(f"the masks are for a weight {name} of shape {tuple(mask.shape)}, {found}")
            pairs.append((weight, ~mask.to(weight.device)))
        return pairs


def prunable(module: nn.Module, *, classifier: bool = True) -> dict[str, nn.Parameter]:
    """The weights that can be pruned, by name: of convolutions, linear layers and projections of attention; never those
    of normalisations or embeddings (nor what is shared with one), never biases.

    Args:
        module: any network.
        classifier: whether the last linear layer, in order of definition, is among them.

    Raises:
        UserError: a weight is computed from others (`torch.nn.utils.prune`, a parametrisation).
    """
    embeddings = {id(m.weight) for m in module.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)}
    found: dict[str, nn.Parameter] = {}
    last = None
    for name, part in module.named_modules():
        for key in _weights(part):
            path = f"{name}.{key}".lstrip(".")
            weight = part._parameters.get(key)
            if weight is None:
                raise UserError(
                    f"{path} is computed from other parameters; bake it in first (torch.nn.utils.prune.remove, "
                    "torch.nn.utils.parametrize.remove_parametrizations)"
                )
            if id(weight) in embeddings or any(weight is other for other in found.values()):
                continue
            found[path] = weight
            last = path if isinstance(part, nn.Linear) else last
    if not classifier and last is not None:
        del found[last]
    return found


def _weights(part: nn.Module) -> tuple[str, ...]:
    if isinstance(part, _ConvNd | nn.Linear):
        return ("weight",)
    if isinstance(part, nn.MultiheadAttention):
        same = part._qkv_same_embed_dim
        return ("in_proj_weight",) if same else ("q_proj_weight", "k_proj_weight", "v_proj_weight")
    return ()


def _drawn(name: str, count: int, mask: Tensor, within: Masks | None, generator: torch.Generator) -> Tensor:
    allowed = torch.arange(mask.numel()) if within is None else mask.flatten().nonzero().flatten().cpu()
    if count > len(allowed):
        raise UserError(f"{count} weights of {name} cannot be drawn among {len(allowed)}")
    drawn = torch.zeros(mask.numel(), dtype=torch.bool)
    drawn[allowed[torch.randperm(len(allowed), generator=generator)[:count]]] = True
    return drawn.reshape(mask.shape).to(mask.device)
