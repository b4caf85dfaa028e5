"""`SharedWeights`: a trained supernet judges its sub-networks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch

from archwright.data import Splits
from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.space import Arch
from archwright.supernet import Supernet, recalibrate
from archwright.train import evaluate
from archwright.trial import Report


class SharedWeights(Estimator):
    """Validation accuracy with the weights of a trained supernet, after batch-norm recalibration.

    The sub-network is cut out first, so that scoring leaves the supernet as it was and does not depend on what was
    scored before (Guo et al. 2020, SPOS, section 3.4). The seed draws the calibration batches.

    Args:
        net: trained supernet.
        splits: calibration batches come from `train`, accuracy from `valid`.
        calibration: training batches for the statistics.
        batch_size: samples a batch.
        samples: of the validation part that are judged, always the same ones; None means all.

    Raises:
        UserError: no validation part to judge on.
    """

    source = "shared-weights"
    shared = True

    def __init__(
        self, net: Supernet, splits: Splits, *, calibration: int = 8, batch_size: int = 256, samples: int | None = 4000
    ) -> None:
        if not len(splits.valid):
            raise UserError("shared weights are judged on the validation part, which is empty; ask for valid > 0")
        self.net, self.splits, self.calibration, self.batch_size, self.samples = (
            net,
            splits,
            calibration,
            batch_size,
            samples,
        )
        self._judged = splits.valid
        if samples is not None and samples < len(splits.valid):
            order = torch.randperm(len(splits.valid), generator=torch.Generator().manual_seed(splits.seed))
            self._judged = splits.valid.subset(order[:samples])

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        module = self.net.slice(arch)
        device = next(self.net.parameters()).device
        batches = self.splits.train.batches(self.batch_size, shuffle=True, seed=seed, device=device)
        recalibrate(module, itertools.islice((x for x, _ in batches), self.calibration))
        yield Report(step=0, metrics=evaluate(module, self._judged, batch_size=self.batch_size))
