"""Pruning in one step."""

from __future__ import annotations

import copy
import dataclasses
from typing import final

from torch import nn

from archwright.compress._criteria import Criterion, check_criterion
from archwright.compress._held import train_held
from archwright.compress._pruning import Needs, Pruning


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class OneShot:
    """All weights that are to go go at once; with a trainer the rest is trained on from where it is.

    Args:
        criterion: `"magnitude"` |w|; `"lamp"`, the magnitude relative to the larger ones of the layer; `"taylor"`
            |w dL/dw|; `"random"`; or `"layer-random"`, at random with as many in every layer as `"magnitude"`, the
            control for whatever chooses weights by a better rule.

    Raises:
        UserError: an unknown criterion.
    """

    criterion: Criterion = "magnitude"

    def __post_init__(self) -> None:
        check_criterion(self.criterion)

    @property
    def needs(self) -> Needs:
        return "samples" if self.criterion == "taylor" else "nothing"

    def __call__(self, module: nn.Module, asked: Pruning) -> nn.Module:
        masks = asked.chosen(self.criterion, module, asked.masks(module), asked.sparsity)
        dense = copy.deepcopy(module)
        masks.apply_(module)
        asked.recalibrated(module, dense)
        if asked.trainer is not None:
            train_held(module, masks, asked, asked.trainer, what="fine-tuning")
        return module
