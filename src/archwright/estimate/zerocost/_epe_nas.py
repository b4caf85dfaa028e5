"""EPE-NAS."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from archwright.estimate.zerocost._jacobian import correlation, jacobians
from archwright.estimate.zerocost._score import Score


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class EpeNas(Score):
    """Correlation of input Jacobians within each class: sum over classes of |sum log(|C| + k)|; one backward.

    Lopes, Alirezazadeh and Alexandre (2021), "EPE-NAS: Efficient Performance Estimation Without Training". With more
    than 100 classes in the batch the sums become means, and the score is the sum of their pairwise differences over the
    number of classes.

    Args:
        k: keeps the logarithm finite; positive.
    """

    labelled: ClassVar[bool] = True
    k: float = 1e-5

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        assert y is not None
        rows = jacobians(module, x)
        classes = [int(c) for c in torch.unique(y)]
        many = len(classes) > 100
        within = [self._within(correlation(rows[y == c]), many) for c in classes]
        if many:
            return math.fsum(abs(a - b) for a, b in itertools.combinations(within, 2)) / len(within)
        return math.fsum(map(abs, within))

    def _within(self, matrix: Tensor, mean: bool) -> float:
        logs = (matrix.abs() + self.k).log()
        return float(logs.mean() if mean else logs.sum())
