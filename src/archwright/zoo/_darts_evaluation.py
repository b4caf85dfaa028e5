"""Networks in which the cells of the DARTS space are judged: stacked, wider, trained alone (Liu et al. 2019)."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.data import Splits
from archwright.errors import UserError
from archwright.supernet import Supernet
from archwright.supernet._cell import PlainCell
from archwright.zoo._inputs import check
from archwright.zoo.darts import (
    TYPES,
    _FactorizedReduce,
    _Network,
    _operation,
    _relu_conv_norm,
    from_genotype,
    genotype,
)

Pairs = Sequence[tuple[str, int]]


def darts_evaluation(
    cells: Mapping[str, Any],
    *,
    channels: int = 36,
    layers: int = 20,
    classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    auxiliary: bool = True,
    drop_path: float = 0.2,
    imagenet: bool = False,
) -> EvaluationNetwork:
    """The evaluation network of two cells; the defaults are the published ones for CIFAR-10.

    Args:
        cells: an architecture of the `darts` space, or a genotype.
        channels: C, channels of a node in the first cells (36; ImageNet 48).
        layers: L, number of cells (20; ImageNet 14); those at L // 3 and 2 L // 3 reduce.
        classes: number of outputs.
        in_channels: channels of the image.
        image_size: height (= width) in pixels, at least 8; with `imagenet` at least 64.
        auxiliary: a second head behind the cell at 2 L // 3.
        drop_path: largest probability with which an operation is dropped for a sample, in [0, 1).
        imagenet: a stem of three convolutions of stride 2.

    Raises:
        UserError: no genotype, or sizes out of range.
    """
    check(
        "darts",
        in_channels=in_channels,
        classes=classes,
        image_size=image_size,
        smallest=64 if imagenet else 8,
    )
    if layers < 3 or channels < 2 or channels % 2:
        raise UserError(f"darts: layers must be at least 3 and channels even, got {layers} and {channels}")
    if not 0 <= drop_path < 1:
        raise UserError(f"darts: drop_path must be in [0, 1), got {drop_path}")
    found = genotype(from_genotype(cells) if set(TYPES) <= set(cells) else cells)
    return EvaluationNetwork(
        found,
        channels=channels,
        layers=layers,
        classes=classes,
        in_channels=in_channels,
        auxiliary=_head_pool(image_size, imagenet) if auxiliary else None,
        drop_path=drop_path,
        imagenet=imagenet,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The size of an evaluation network (`darts_evaluation`).

    Args:
        channels: channels of a node in the first cells.
        layers: number of cells.
        auxiliary: whether there is a second head while training; its loss counts 0.4.
        drop_path: largest probability with which an operation is dropped for a sample, in [0, 1).
        imagenet: a stem of three convolutions of stride 2.
    """

    channels: int = 36
    layers: int = 20
    auxiliary: bool = True
    drop_path: float = 0.2
    imagenet: bool = False

    def check(self, net: Supernet) -> None:
        """Nothing, for a supernet of `darts` cells, whatever operations their edges have.

        Raises:
            UserError: any other.
        """
        if not isinstance(net.module, _Network):
            raise UserError(f"evaluation networks are for the space 'darts', not for {net.space.name!r}")

    def network(self, net: Supernet, arch: Mapping[str, Any], splits: Splits) -> EvaluationNetwork:
        """The untrained network of `arch` in the sizes of a data set.

        Raises:
            UserError: another space than `darts`, or sizes out of range.
        """
        self.check(net)
        return darts_evaluation(
            net.space.arch(arch),
            **dataclasses.asdict(self),
            classes=len(splits.classes),
            in_channels=splits.in_channels,
            image_size=splits.image_size,
        )


class EvaluationNetwork(nn.Module):
    """Stem, cells, head. In training with an auxiliary head it returns logits (N, classes) of both heads, the main one
    first; in eval mode those of the main head, and nothing is dropped.

    Attributes:
        drop_path: the largest probability of dropping. It is reached at the end of training: `progressed` is the
            `on_update` of `Trainer.fit`. How far it is, `dropping`, is a buffer and so part of a checkpoint.
    """

    dropping: Tensor

    def __init__(
        self,
        cells: Mapping[str, Pairs],
        *,
        channels: int,
        layers: int,
        classes: int,
        in_channels: int,
        auxiliary: nn.Module | None,
        drop_path: float,
        imagenet: bool,
    ) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.register_buffer("dropping", torch.zeros(()))
        stems = _imagenet_stems(in_channels, channels) if imagenet else _stems(in_channels, 3 * channels)
        self.stem, self.second_stem = stems
        before = last = channels if imagenet else 3 * channels
        reduced, stacked = imagenet, []
        self.branch_at = 2 * layers // 3
        self.auxiliary: nn.Module | None = None
        for layer in range(layers):
            reduce = layer in (layers // 3, self.branch_at)
            channels = 2 * channels if reduce else channels
            pairs = cells[TYPES[reduce]]
            stacked.append(_Layer(pairs, before, last, channels, reduce=reduce, reduced=reduced, drop=drop_path > 0))
            before, last, reduced = last, 4 * channels, reduce
            if layer == self.branch_at and auxiliary is not None:
                self.auxiliary = _auxiliary_head(auxiliary, last, classes, normalise=not imagenet)
        self.cells = nn.ModuleList(stacked)
        self.head = nn.Linear(last, classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if self.training:
            for path in self._paths():
                path.probability = self.dropping
        before = self.stem(x)
        last = self.second_stem(before)
        other: Tensor | None = None
        for layer, cell in enumerate(self.cells):
            before, last = last, cell(before, last)
            if layer == self.branch_at and self.auxiliary is not None and self.training:
                other = self.auxiliary(last)
        logits: Tensor = self.head(F.adaptive_avg_pool2d(last, 1).flatten(1))
        return logits if other is None else (logits, other)

    def progressed(self, done: float, epochs: float) -> None:
        """Set the probability of dropping for `done` of `epochs`: it rises linearly."""
        self.dropping.fill_(self.drop_path * min(1.0, done / epochs))

    def plain(self) -> nn.Module:
        """A copy without auxiliary head and dropping, for use after training."""
        out = copy.deepcopy(self)
        out.auxiliary, out.drop_path = None, 0.0
        out.dropping.zero_()
        for cell in out.cells:
            for edge in list(cell.modules()):
                if isinstance(edge, nn.Sequential) and isinstance(edge[-1], DropPath):
                    del edge[-1]
        return out

    def _paths(self) -> Iterator[DropPath]:
        return (module for module in self.modules() if isinstance(module, DropPath))


class DropPath(nn.Module):
    """In training: zero for some samples, what is left scaled so that the mean stays (Larsson et al. 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.probability: Tensor | float = 0.0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        keep = 1.0 - self.probability
        return x * ((torch.rand(len(x), 1, 1, 1, device=x.device) < keep) / keep).to(x.dtype)


class _Layer(nn.Module):
    """Both inputs brought to C channels, then the cell."""

    def __init__(
        self, pairs: Pairs, before: int, last: int, channels: int, *, reduce: bool, reduced: bool, drop: bool
    ) -> None:
        super().__init__()
        enter = _FactorizedReduce if reduced else _relu_conv_norm
        self.before = enter(before, channels, affine=True)
        self.last = _relu_conv_norm(last, channels, affine=True)
        edges: dict[tuple[int, int], nn.Module] = {}
        for n, (name, i) in enumerate(pairs):
            operation = _operation(name, channels, stride=2 if reduce and i < 2 else 1, affine=True)
            dropped = drop and not isinstance(operation, nn.Identity)
            edges[i, 2 + n // 2] = nn.Sequential(operation, DropPath()) if dropped else operation
        self.cell = PlainCell(edges, 2, "concat")

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        out: Tensor = self.cell(self.before(before), self.last(last))
        return out


def _stems(in_channels: int, width: int) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width)), nn.Identity()


def _imagenet_stems(in_channels: int, width: int) -> tuple[nn.Module, nn.Module]:
    def halving(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after)]

    first = [*halving(in_channels, width // 2), nn.ReLU(), *halving(width // 2, width)]
    return nn.Sequential(*first), nn.Sequential(nn.ReLU(), *halving(width, width))


def _head_pool(image_size: int, imagenet: bool) -> nn.Module:
    """To 2 x 2 pixels: the published pool at the published sizes, else an adaptive one."""
    if image_size == (224 if imagenet else 32):
        return nn.AvgPool2d(5, stride=2 if imagenet else 3, count_include_pad=False)
    return nn.AdaptiveAvgPool2d(2)


def _auxiliary_head(pool: nn.Module, before: int, classes: int, *, normalise: bool) -> nn.Module:
    """The published head; the one for ImageNet does not normalise its last convolution."""
    norm = [nn.BatchNorm2d(768)] if normalise else []
    return nn.Sequential(
        *[nn.ReLU(), pool, nn.Conv2d(before, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU()],
        *[nn.Conv2d(128, 768, 2, bias=False), *norm, nn.ReLU(), nn.Flatten(), nn.Linear(768, classes)],
    )
