"""Phase `train`."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor, nn

from archwright.data import Images, Split, Splits
from archwright.registry import Part
from archwright.run._phase import Phase
from archwright.run._state import State
from archwright.run._watch import Watch
from archwright.space import Arch
from archwright.supernet import extreme, recalibrate
from archwright.train import DISTILLATIONS, Distilled, Step, Trainer, evaluate, supervised
from archwright.trial import Report
from archwright.zoo import Evaluation, EvaluationNetwork

_SMALL = 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Train(Phase):
    """Train the chosen network alone.

    Args:
        start: `"inherited"`: from the supernet's weights, if they are trained; `"fresh"`: from new ones.
        distil: weight of the soft labels of the supernet's largest network in the loss, in [0, 1]; 0, or a supernet
            that is not trained, means labels only.
        distillation: what is learnt from that network.
        label_smoothing: of the loss against labels.
        trainer: how to train.
        refit: train once more, in the same way, on the training and validation parts together, and answer with that
            network; the validation score stays that of the first. `"auto"`: when the training part has fewer than
            10 000 samples, where every sample counts and the second training is cheap.
        evaluation: train a larger network built from the chosen cells instead, from new weights (space `darts`). Limits
            of the run hold for this network, too; the search judges the smaller one.
        share: part of the run's minutes for this phase, in (0, 1].
    """

    start: Literal["inherited", "fresh"] = "inherited"
    distil: float = 0.0
    distillation: Annotated[Part, "distillation"] = Part("distillation", "logits")
    label_smoothing: float = 0.0
    trainer: Trainer = Trainer(epochs=40, lr=0.05)
    refit: bool | Literal["auto"] = "auto"
    evaluation: Evaluation | None = None
    share: float = 0.3

    def __post_init__(self) -> None:
        self._require("distil", "in [0, 1]", 0 <= self.distil <= 1)
        self._require("label_smoothing", "in [0, 1)", 0 <= self.label_smoothing < 1)
        self._require("share", "in (0, 1]", 0 < self.share <= 1)

    def __call__(self, state: State) -> None:
        splits, refit = state.splits, self._refits(state.splits)
        step = self._step(state)
        minutes = state.minutes(self.share / 2 if refit else self.share)
        trainer = dataclasses.replace(self.trainer, minutes=minutes or self.trainer.minutes)
        model, curve = self._trained(state, splits, trainer, step, "model.pt")
        if len(splits.valid):
            state.result["valid"] = evaluate(model, splits.valid)
        state.result["training"] = {"epochs": len(curve), "curve": [dict(r.metrics) for r in curve], "refit": refit}
        if refit:
            together = dataclasses.replace(
                splits, train=_joined(splits.train, splits.valid), valid=_empty(splits.valid)
            )
            trainer = dataclasses.replace(self.trainer, epochs=len(curve), minutes=None, patience=None)
            model, _ = self._trained(state, together, trainer, step, "refit.pt")
        state.model = model

    def _refits(self, splits: Splits) -> bool:
        if isinstance(splits.train.x, Images) or not len(splits.valid):
            return False
        return len(splits.train) < _SMALL if self.refit == "auto" else self.refit

    def _trained(
        self, state: State, splits: Splits, trainer: Trainer, step: Step, checkpoint: str
    ) -> tuple[nn.Module, list[Report]]:
        """The chosen network trained on `splits`, with its reports."""
        assert state.chosen is not None
        with torch.random.fork_rng():
            torch.manual_seed(state.config.seed)
            model = self._network(state, state.chosen).to(state.device)
        path = state.folder / "checkpoints" / checkpoint
        watch = Watch(state.progress, "chosen network" if len(splits.valid) else "chosen network, all data")

        def on_update(done: float, epochs: float) -> None:
            watch.update(done, epochs)
            if isinstance(model, EvaluationNetwork):
                model.progressed(done, epochs)

        reports = trainer.fit(model, splits, step, seed=state.config.seed, checkpoint=path, on_update=on_update)
        curve = watch.all(reports)
        return (model.plain() if isinstance(model, EvaluationNetwork) else model).eval(), curve

    def _network(self, state: State, chosen: Arch) -> nn.Module:
        if self.evaluation is not None:
            return self.evaluation.network(state.net, chosen, state.splits)
        return state.net.extract(chosen, fresh=self.start == "fresh" or not state.shared)

    def _step(self, state: State) -> Step:
        if self.distil == 0 or not state.shared:
            return functools.partial(supervised, label_smoothing=self.label_smoothing)
        largest = extreme(state.net.space, np.random.default_rng(state.config.seed), largest=True)
        teacher = state.net.slice(largest)
        batches = state.splits.train.batches(256, shuffle=True, seed=state.config.seed, device=state.device)
        recalibrate(teacher, itertools.islice((x for x, _ in batches), 16))
        learnt = self.distillation.build(DISTILLATIONS)
        return Distilled(teacher, weight=self.distil, distillation=learnt, label_smoothing=self.label_smoothing)


def _joined(a: Split, b: Split) -> Split:
    assert isinstance(a.x, Tensor)
    assert isinstance(b.x, Tensor)
    return dataclasses.replace(a, x=torch.cat([a.x, b.x]), y=torch.cat([a.y, b.y]))


def _empty(split: Split) -> Split:
    return split.subset(torch.empty(0, dtype=torch.long))
