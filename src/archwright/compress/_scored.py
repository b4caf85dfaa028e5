"""A network whose weights are frozen and whose masks learn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor, nn

from archwright.compress._masks import Masks
from archwright.errors import UserError

KEPT, PRUNED = 1.0, 0.99


@final
class Scored(nn.Module):
    """A network with a score for every prunable weight; the weights with the highest scores of each layer are kept.

    Only the scores are parameters that learn. The forward pass has the kept weights; the gradient of a score is that of
    the weight it stands for times the weight, for pruned ones too (straight-through; Ramanujan et al. 2020). Batch-norm
    statistics adapt in training mode, nothing else does.

    Args:
        module: its parameters are frozen; not copied.
        masks: what is kept at the start. How many weights a layer keeps never changes.
        within: weights that may be kept at all; None: those that are not zero.
        scores: at the start; None: 1 where kept and 0.99 where pruned, so that a layer is easily rearranged (Zhang et
            al. 2023, code).
        absolute: whether |score| counts (Ramanujan et al. 2020).

    Raises:
        UserError: the masks keep what must not be kept, or do not fit the network.
    """

    def __init__(
        self,
        module: nn.Module,
        masks: Masks,
        *,
        within: Masks | None = None,
        scores: Mapping[str, Tensor] | None = None,
        absolute: bool = False,
    ) -> None:
        super().__init__()
        self.module, self.absolute, self.names = module.requires_grad_(False), absolute, tuple(masks)
        weights = dict(module.named_parameters())
        within = Masks({name: weights[name] != 0 for name in masks}) if within is None else within
        if (masks & within) != masks:
            raise UserError("masks keep weights that are zero or were pruned before")
        self.scores = nn.ParameterList()
        for number, (name, mask) in enumerate(masks.items()):
            start = torch.where(mask, KEPT, PRUNED) if scores is None else scores[name]
            self.scores.append(nn.Parameter(start.to(weights[name])))
            self.register_buffer(f"kept{number}", mask.to(weights[name].device))
            self.register_buffer(f"open{number}", within[name].to(weights[name].device))

    def forward(self, *inputs: Any) -> Any:
        return torch.func.functional_call(self.module, self.weights(), inputs)

    def weights(self) -> dict[str, Tensor]:
        """The masked weights, by name; gradients reach the scores of all of them."""
        found = {}
        for number, (name, score) in enumerate(zip(self.names, self.scores)):
            score = score.abs() if self.absolute else score
            mask = self.get_buffer(f"kept{number}").to(score.dtype) + (score - score.detach())
            found[name] = mask * self.module.get_parameter(name)
        return found

    @property
    def masks(self) -> Masks:
        """What is kept now."""
        return Masks({name: self.get_buffer(f"kept{number}") for number, name in enumerate(self.names)})

    @torch.no_grad()
    def swap(self, restriction: float = 1.0) -> int:
        """Let weights whose scores have become high enough replace the kept ones with the lowest.

        In each layer n pruned weights score above the lowest score that should be kept; of these pairs
        ceil(`restriction` n) swap, the most convinced first (Zhang et al. 2023, short restriction). 1 keeps exactly the
        weights with the highest scores. Of equal scores those kept now stay, then the first count as lower.

        Args:
            restriction: in [0, 1].

        Returns:
            Pairs that were swapped.
        """
        swapped = 0
        for number, score in enumerate(self.scores):
            kept, allowed = self.get_buffer(f"kept{number}"), self.get_buffer(f"open{number}")
            rank = (score.abs() if self.absolute else score).masked_fill(~allowed, -torch.inf).flatten()
            swapped += _swap(rank, kept, restriction)
        return swapped


def _swap(rank: Tensor, kept: Tensor, restriction: float) -> int:
    """Swap pairs of one layer in place."""
    flat = kept.flatten()
    gone = flat.numel() - int(flat.sum())
    if gone in (0, flat.numel()):
        return 0
    wanted = _highest(rank, flat, gone)
    entering, leaving = (wanted & ~flat).nonzero().flatten(), (flat & ~wanted).nonzero().flatten()
    count = math.ceil(restriction * len(entering))
    flat = flat.clone()
    flat[entering[rank[entering].argsort(descending=True, stable=True)[:count]]] = True
    flat[leaving[rank[leaving].argsort(stable=True)[:count]]] = False
    kept.copy_(flat.reshape(kept.shape))
    return count


def _highest(rank: Tensor, kept: Tensor, gone: int) -> Tensor:
    """All but the `gone` lowest; of those equal to the last of them the kept ones stay, then the later ones."""
    threshold = rank.kthvalue(gone).values
    high = rank > threshold
    missing = high.numel() - gone - int(high.sum())
    if missing:
        equal = rank == threshold
        order = [(equal & kept).nonzero().flatten().flip(0), (equal & ~kept).nonzero().flatten().flip(0)]
        high[torch.cat(order)[:missing]] = True
    return high
