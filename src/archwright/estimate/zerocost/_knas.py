"""KNAS."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.estimate.zerocost._examples import alone, example_gradients, with_gradient
from archwright.estimate.zerocost._frozen_norm import frozen
from archwright.estimate.zerocost._probe import Probe, gradients
from archwright.estimate.zerocost._score import Score, loss

_TENSORS, _KEPT = 11, 50  # of the release


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Knas(Score):
    """Mean of the Gram matrix of per-example gradients (MGM) at initialisation; one backward.

    Xu, Zhao, Lin, Gao, Sun and Yang (2021), "KNAS: Green Neural Architecture Search", ICML. MGM = 1/n^2 sum_ij
    <G_i, G_j>, which is the squared norm of the mean gradient: the batch is one backward, no Gram matrix is made. The
    gradients are of the cross-entropy. Examples must not meet in batch normalisation, so its statistics are constants.

    `variant="release"` is what the published code computes instead, a covariance between two halves of the examples:
    each alone through train-mode normalisation; the first 11 parameter tensors with a gradient and at least 50 entries,
    50 entries of each; centred within the halves, sum of products / n^2. For exchangeable examples it is 0 on average.

    Args:
        variant: `"paper"` or `"release"`.
        coordinates: entries of each parameter tensor that are used, drawn by the seed, and the mean over tensors is
            taken (paper: 50, from memory); None: all, summed. Only for `"paper"`.
        statistics: of batch normalisation: `"batch"`, of all examples together, or `"stored"`, the running ones, which
            a new network does not have. Only for `"paper"`.
    """

    labelled: ClassVar[bool] = True
    batch: ClassVar[int] = 50
    variant: Literal["paper", "release"] = "paper"
    coordinates: int | None = None
    statistics: Literal["batch", "stored"] = "batch"

    def __post_init__(self) -> None:
        if self.variant not in ("paper", "release"):
            raise UserError(f"variant must be 'paper' or 'release', got {self.variant!r}")
        if self.statistics not in ("batch", "stored"):
            raise UserError(f"statistics must be 'batch' or 'stored', got {self.statistics!r}")
        if self.coordinates is not None and self.coordinates < 1:
            raise UserError(f"coordinates must be at least 1, got {self.coordinates}")

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        assert y is not None
        return self._mean(module, x, y) if self.variant == "paper" else halves(module, x, y)

    def _mean(self, module: nn.Module, x: Tensor, y: Tensor) -> float:
        names = [name for name, _ in module.named_parameters()]
        batch = self.statistics == "batch"
        probe = Probe(module, training=False, learn=names)
        with frozen(of_batch=batch):
            found = gradients(loss(probe(x), y), [probe.parameters[n] for n in names])
        if self.coordinates is None:
            return sum(g.double().square().sum().item() for g in found)
        drawn = [g.flatten()[torch.randperm(g.numel(), device=g.device)[: self.coordinates]] for g in found]
        return sum(g.double().square().sum().item() for g in drawn) / max(1, len(drawn))


def halves(module: nn.Module, x: Tensor, y: Tensor) -> float:
    """The release: covariance of the gradients of the first half of the examples with those of the second.

    Raises:
        UserError: fewer than four examples.
    """
    n = len(x) // 2 * 2
    if n < 4:
        raise UserError(f"the release of KNAS compares two halves of at least 2 examples, got {len(x)} examples")
    long = [name for name, p in module.named_parameters() if p.numel() >= _KEPT]
    chosen = with_gradient(module, long, x, y)[:_TENSORS]
    with alone():
        found = example_gradients(module, chosen, x[:n], y[:n])
    rows = torch.cat([g.flatten(1)[:, :_KEPT] for g in found.values()], 1).double()
    first, second = (part - part.mean(0) for part in rows.chunk(2))
    return (first * second).sum().item() / n**2
