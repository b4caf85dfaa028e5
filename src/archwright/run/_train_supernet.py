"""Phase `train-supernet`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import numpy as np
from torch import nn

from archwright.registry import Part
from archwright.run._estimators import looks_at_weights
from archwright.run._phase import Phase
from archwright.run._state import State
from archwright.run._watch import Watch
from archwright.supernet import SAMPLERS, SupernetStep, extreme
from archwright.train import DISTILLATIONS, Trainer, evaluate


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSupernet(Phase):
    """Train the shared weights of all architectures at once; left out where nothing that follows looks at them.

    Args:
        sampler: which architectures a step visits.
        distil: whether the others of a step learn from the first (in-place distillation).
        label_smoothing: of the loss against labels.
        distillation: what they learn from it.
        trainer: how to train.
        share: part of the run's minutes for this phase, in (0, 1].
    """

    sampler: Annotated[Part, "sampler"] = Part("sampler", "sandwich")
    distil: bool = True
    label_smoothing: float = 0.0
    distillation: Annotated[Part, "distillation"] = Part("distillation", "logits")
    trainer: Trainer = Trainer(epochs=60)
    share: float = 0.45

    def __post_init__(self) -> None:
        self._require("label_smoothing", "in [0, 1)", 0 <= self.label_smoothing < 1)
        self._require("share", "in (0, 1]", 0 < self.share <= 1)

    def __call__(self, state: State) -> None:
        if not looks_at_weights(state.config, state.net, state.splits):
            state.progress.message("no phase looks at shared weights: the supernet is not trained")
            return
        net = state.net.to(state.device)
        step = SupernetStep(
            net.space,
            self.sampler.build(SAMPLERS),
            distil=self.distil,
            label_smoothing=self.label_smoothing,
            distillation=self.distillation.build(DISTILLATIONS),
        )
        largest = extreme(net.space, np.random.default_rng(state.config.seed), largest=True)

        def metrics(module: nn.Module) -> dict[str, float]:
            return evaluate(module, state.splits.valid, args=(largest,)) if len(state.splits.valid) else {}

        trainer = dataclasses.replace(self.trainer, minutes=state.minutes(self.share) or self.trainer.minutes)
        watch = Watch(state.progress, "largest network")
        reports = trainer.fit(
            net,
            state.splits,
            step,
            seed=state.config.seed,
            checkpoint=state.folder / "checkpoints" / "supernet.pt",
            metrics=metrics,
            on_update=watch.update,
        )
        curve = watch.all(reports)
        state.result["supernet"] = {"epochs": len(curve), "curve": [dict(r.metrics) for r in curve]}
        state.net, state.shared = net.eval(), True
