"""`Proxy`: a cheaper training that stands in for the real one."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from archwright import cost
from archwright.data import Split, Splits
from archwright.errors import UserError
from archwright.estimate._cached_features import CachedFeatures
from archwright.estimate._estimator import Estimator
from archwright.estimate._train import Train
from archwright.space import Arch, Choice, Ordinal, Space
from archwright.supernet import Supernet, spread
from archwright.train import Trainer
from archwright.trial import Report


class Proxy(Estimator):
    """`Train` with a declared reduction: fewer epochs, less data, smaller images, a smaller network, a frozen trunk.

    The validation part has smaller images, too, and keeps all its samples. How well a proxy ranks is not known until it
    is measured: `rank_agreement`.

    Args:
        train: the training that is stood in for.
        epochs: share of its epochs, in (0, 1]; the schedule is squeezed into them. A budget is in epochs of `train`.
        samples: share of the training samples, in (0, 1], of each class alike and at least one; always the same ones.
        resolution: side of the images in pixels, smaller than they are; None keeps them.
        net: a smaller supernet (narrower, shallower) with variables of the same names, or some of them; an architecture
            is carried over by the position of each value among the options. None keeps the network.
        trunk: submodule up to which the network keeps the supernet's weights, its outputs being computed once
            (`CachedFeatures`); only what follows is trained, without augmentation. None trains everything.

    Raises:
        UserError: a share out of range, a trainer without epochs, data without images in memory for `resolution`, a
            `net` with other variables, a `trunk` that the network cannot be cut behind.
    """

    source = "proxy"
    _inner: Train | CachedFeatures

    def __init__(
        self,
        train: Train,
        *,
        epochs: float = 1.0,
        samples: float = 1.0,
        resolution: int | None = None,
        net: Supernet | None = None,
        trunk: str | None = None,
    ) -> None:
        for name, share in (("epochs", epochs), ("samples", samples)):
            if not 0 < share <= 1:
                raise UserError(f"{name} of a proxy must be a share in (0, 1], got {share}")
        if math.isinf(train.trainer.planned_epochs):
            raise UserError("a proxy is a share of the epochs of a training; give its trainer a number of epochs")
        if net is not None:
            _check_variables(train.net.space, net.space)
        self.train, self.epochs, self.samples, self.resolution, self.net = train, epochs, samples, resolution, net
        self.trunk, self.shared, self.budget = trunk, trunk is not None, train.trainer.planned_epochs
        whole, splits = net or train.net, _reduced(train.splits, samples, resolution)
        if trunk is None:
            self._inner = Train(whole, splits, trainer=train.trainer)
        else:
            self._inner = CachedFeatures(whole, splits, trunk=trunk, trainer=train.trainer)

    @property
    def reduction(self) -> dict[str, float | str]:
        """What is reduced, and to what: `{"epochs": 0.5, "samples": 0.25, "resolution": 14, "net": "convnet"}`."""
        found: dict[str, float | str] = {n: v for n, v in (("epochs", self.epochs), ("samples", self.samples)) if v < 1}
        if self.resolution is not None:
            found["resolution"] = self.resolution
        if self.net is not None:
            found["net"] = self.net.space.name
        if self.trunk is not None:
            found["trunk"] = self.trunk
        return found

    @functools.cached_property
    def cost_ratio(self) -> float:
        """Operations of this training, in parts of those of `train`, for the largest architecture.

        A step counts three forward passes; the outputs of a frozen trunk take one, once.
        """
        largest = spread(self.train.net.space, 2, np.random.default_rng(0))[1]
        carried, inner, epochs = self.carried(largest), self._inner, self._epochs(None)
        if isinstance(inner, CachedFeatures):
            trunk, rest = inner.operations(carried)
            flops = trunk + 3 * epochs * rest
        else:
            flops = 3 * epochs * _flops(inner.net, carried, inner.splits)
        whole = 3 * self.train.trainer.planned_epochs * _flops(self.train.net, largest, self.train.splits)
        return flops / whole * len(inner.splits.train) / len(self.train.splits.train)

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        yield from self._inner(self.carried(arch), budget=self._epochs(budget), seed=seed)

    def carried(self, arch: Arch) -> Arch:
        """The architecture that is trained in place of `arch`."""
        return arch if self.net is None else _carried(self.train.net.space, self.net.space, arch)

    def _epochs(self, budget: float | None) -> int:
        whole = self.train.trainer.planned_epochs if budget is None else budget
        return max(1, round(self.epochs * whole))


def _flops(net: Supernet, arch: Arch, splits: Splits) -> float:
    return float(cost.flops(net.slice(arch).eval(), torch.zeros(1, *splits.input_shape)))


def _check_variables(whole: Space, small: Space) -> None:
    other = [n for n in small.names if n not in whole.names or type(whole[n]) is not type(small[n])]
    if other:
        raise UserError(f"the network of a proxy must have the same variables; different: {', '.join(other[:3])}")


def _carried(whole: Space, small: Space, arch: Arch) -> Arch:
    """Variables of blocks that the small network lacks are left out."""
    values: dict[str, Any] = {}
    for name in small.names:
        before, after = whole[name], small[name]
        values[name] = arch.get(name, after.at(0.0))
        if name in arch and isinstance(before, Ordinal) and isinstance(after, Ordinal):
            place = before.index(arch[name]) * (len(after.options) - 1) / max(len(before.options) - 1, 1)
            values[name] = after.options[round(place)]
        elif isinstance(before, Choice):
            after.check(values[name])
    return small.canonical(values)


def _reduced(splits: Splits, share: float, resolution: int | None) -> Splits:
    if share < 1:
        splits = dataclasses.replace(splits, train=stratified(splits.train, share))
    if resolution is None:
        return splits
    if splits.kind != "image" or not 1 <= resolution < splits.image_size:
        raise UserError(f"resolution must be below that of the images, got {resolution} for {splits}")
    train, valid, test = (_resized(part, resolution) for part in (splits.train, splits.valid, splits.test))
    return dataclasses.replace(splits, train=train, valid=valid, test=test)


def stratified(split: Split, share: float, *, seed: int = 0) -> Split:
    """A share of the samples of every class, at least one of each, in stored order.

    Args:
        split: samples.
        share: in (0, 1].
        seed: which of them.
    """
    generator = torch.Generator().manual_seed(seed)
    kept = []
    for label in torch.unique(split.y):
        of_class = torch.nonzero(split.y == label).flatten()
        order = torch.randperm(len(of_class), generator=generator)
        kept.append(of_class[order[: max(1, round(share * len(of_class)))].to(of_class.device)])
    return split.subset(torch.cat(kept).sort().values)


def _resized(split: Split, side: int) -> Split:
    if not isinstance(split.x, Tensor):
        raise UserError("resolution needs images in memory; these are streamed from disk: load them with image_size=")
    chunks = [F.interpolate(x.float(), size=(side, side), mode="area") for x in split.x.split(4096)]  # type: ignore[no-untyped-call]
    return dataclasses.replace(split, x=torch.cat(chunks) if chunks else split.x)


def proxy(
    net: Supernet,
    splits: Splits,
    *,
    trainer: Trainer = Trainer(epochs=20),
    epochs: float = 0.25,
    samples: float = 0.5,
    resolution: int | None = None,
    trunk: str | None = None,
) -> Proxy:
    """A cheaper training: fewer epochs, a part of the data, smaller images, a frozen trunk.

    Args:
        net: supernet.
        splits: data.
        trainer: the training that is stood in for.
        epochs, samples, resolution, trunk: as for `Proxy`.
    """
    return Proxy(
        Train(net, splits, trainer=trainer), epochs=epochs, samples=samples, resolution=resolution, trunk=trunk
    )
