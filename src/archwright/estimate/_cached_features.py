"""`CachedFeatures`: only what comes after a frozen trunk is trained, on outputs of the trunk that are computed once."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from archwright import cost
from archwright.data import Split, Splits
from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.space import Arch
from archwright.supernet import Supernet, cut, recalibrate
from archwright.train import Trainer
from archwright.trial import Report


class CachedFeatures(Estimator):
    """Validation accuracy of a network whose first part, the trunk, keeps the weights that the supernet gives it.

    The trunk is everything up to and with a named submodule. Its outputs on the training and validation part are
    computed once for each different trunk, in evaluation mode after batch-norm recalibration, without augmentation; the
    rest of the network starts from fresh weights and is trained on them. With a trained or pretrained supernet these
    are its features, with an untrained one random ones. Search a decoder or head behind a trunk that is not searched,
    and all architectures share one set of features (as Chen et al. 2018, DPC, arXiv 1809.04184, did).

    Args:
        net: supernet with the trunk's weights.
        splits: data to train and validate on.
        trunk: dotted name of a submodule of the network: `"stages"`.
        trainer: how the rest is trained; its `augment` is not applied. The budget of a call, if given, replaces its
            number of epochs.
        calibration: training batches for the statistics.
        keep: sets of features held in memory, the last used ones.

    Raises:
        UserError: no such submodule, a network that cannot be cut behind it, or fewer than one set to keep.
    """

    source = "cached-features"
    shared = True

    def __init__(
        self,
        net: Supernet,
        splits: Splits,
        *,
        trunk: str,
        trainer: Trainer = Trainer(epochs=20),
        calibration: int = 8,
        keep: int = 1,
    ) -> None:
        if keep < 1:
            raise UserError(f"keep must be at least 1 set of features, got {keep}")
        self.net, self.splits, self.trunk, self.trainer = net, splits, trunk, trainer
        self.calibration, self.keep, self.budget = calibration, keep, trainer.planned_epochs
        self._cached: OrderedDict[str, Splits] = OrderedDict()
        self._halves(net.space.sample(np.random.default_rng(0)), fresh=False)  # says at once what is wrong

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        trainer = dataclasses.replace(self.trainer, augment=None)
        if budget is not None:
            trainer = dataclasses.replace(trainer, epochs=max(1, round(budget)), minutes=None)
        features = self.features(arch)
        with torch.random.fork_rng():  # the rest starts as it does when the whole network is trained with this seed
            torch.manual_seed(seed)
            _, rest = self._halves(arch, fresh=True)
        yield from trainer.fit(rest, features, seed=seed)

    def features(self, arch: Arch) -> Splits:
        """The data as the trunk of `arch` shows it: train and valid float32 (N, ...); test is empty."""
        trunk, _ = self._halves(arch, fresh=False)
        key = _digest(trunk)
        if key not in self._cached:
            while len(self._cached) >= self.keep:
                self._cached.popitem(last=False)
            self._cached[key] = self._computed(trunk)
        self._cached.move_to_end(key)
        return self._cached[key]

    def operations(self, arch: Arch) -> tuple[float, float]:
        """FLOPs for one sample: of the trunk and of the rest."""
        trunk, rest = self._halves(arch, fresh=False)
        x = torch.zeros(1, *self.splits.input_shape)
        with torch.no_grad():
            return float(cost.flops(trunk.eval(), x)), float(cost.flops(rest.eval(), trunk(x)))

    def _halves(self, arch: Arch, *, fresh: bool) -> tuple[GraphModule, GraphModule]:
        trunk, rest = cut(self.net.slice(arch, fresh=fresh), self.trunk)
        if not any(True for _ in rest.parameters()):
            raise UserError(f"nothing is left to train after {self.trunk!r}; name an earlier module as the trunk")
        return trunk, rest

    def _computed(self, trunk: GraphModule) -> Splits:
        size = self.trainer.batch_size
        batches = self.splits.train.batches(size, shuffle=True, seed=self.splits.seed, device=_device(trunk))
        recalibrate(trunk, itertools.islice((x for x, _ in batches), self.calibration))
        train, valid = (_outputs(trunk, part) for part in (self.splits.train, self.splits.valid))
        channels = train.x.shape[1]
        return dataclasses.replace(
            self.splits,
            kind="image" if len(train.x.shape) == 4 else "table",
            train=train,
            valid=valid,
            test=Split(train.x[:0], train.y[:0]),
            mean=torch.zeros(channels),
            std=torch.ones(channels),
            encoder=None,
        )


@torch.no_grad()
def _outputs(trunk: nn.Module, part: Split) -> Split:
    outputs = [trunk(x).float().cpu() for x, _ in part.batches(512, device=_device(trunk))]
    return Split(torch.cat(outputs) if outputs else torch.zeros(0, 1), part.y.cpu())


def _device(module: nn.Module) -> torch.device:
    return next((p.device for p in module.parameters()), torch.device("cpu"))


def _digest(trunk: GraphModule) -> str:
    """Of the operations and all weights and buffers: trunks with one digest have the same outputs."""
    digest = hashlib.sha256(f"{trunk.code}{trunk}".encode())
    state: dict[str, Tensor] = trunk.state_dict()
    for name, tensor in state.items():
        digest.update(f"{name}{tuple(tensor.shape)}".encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
