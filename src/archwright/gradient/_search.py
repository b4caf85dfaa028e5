"""The loop that joins the five slots."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archwright.data import Splits
from archwright.errors import UserError
from archwright.gradient._derivation import Derivation, Feasible
from archwright.gradient._evidence import AutomaticRelevance
from archwright.gradient._evidence_prune import EvidencePrune
from archwright.gradient._first_order import FirstOrder
from archwright.gradient._found import Found
from archwright.gradient._hypergradient import Hypergradient
from archwright.gradient._magnitude import Magnitude
from archwright.gradient._outer import halves
from archwright.gradient._posterior import Posterior
from archwright.gradient._progressive import Progressive
from archwright.gradient._relaxation import Relaxation
from archwright.gradient._relaxed import Inputs, Relaxed
from archwright.gradient._running import OnEpoch, OnUpdate, Request, Running
from archwright.gradient._scaling_factors import ScalingFactors
from archwright.gradient._schedule import Schedule
from archwright.gradient._score_function import ScoreFunction
from archwright.gradient._step import Penalty
from archwright.gradient._update import Update
from archwright.space import Space
from archwright.supernet import Supernet
from archwright.train import Trainer, resolve_device


@dataclasses.dataclass(frozen=True)
class GradientSearch:
    """A search by gradient: relaxation, hypergradient, update, schedule, derivation.

    Args:
        relaxation: how parameters become weights over options.
        hypergradient: how the outer loss is differentiated.
        update: how the parameters move.
        schedule: how the space shrinks, or None.
        derive: how the answer is read off.
        inputs: of a cell's node during the search: `"all"`, of which the strongest stay at the end, or a relaxed choice
            (`"learned"`).
        none: whether every edge of a cell has a zero that competes and is never chosen.
        split: share of the training part for the weights, in (0, 1); the rest is the architecture's.
        every: steps of the weights for one of the architecture.
        warmup: part of the search in which only weights move, in [0, 1]; 1 leaves the parameters as they are.
        trainer: how the weights are trained.
        sharpness: whether the dominant eigenvalue of the outer loss is measured after every epoch.

    Raises:
        UserError: slots that do not go together, or a setting out of range.
    """

    relaxation: Relaxation
    hypergradient: Hypergradient | ScoreFunction
    update: Update
    schedule: Schedule | None = None
    derive: Derivation = dataclasses.field(default_factory=Magnitude)
    _: dataclasses.KW_ONLY
    inputs: Inputs = "all"
    none: bool = False
    split: float = 0.5
    every: int = 1
    warmup: float = 0.0
    trainer: Trainer = Trainer(epochs=50, batch_size=64, lr=0.025, weight_decay=3e-4, clip=5.0)
    sharpness: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.split < 1 or not 0 <= self.warmup <= 1 or self.every < 1:
            raise UserError(
                f"a search needs split in (0, 1), warmup in [0, 1] and every >= 1, got split {self.split}, warmup "
                f"{self.warmup}, every {self.every}"
            )
        self._check_slots()

    def _check_slots(self) -> None:
        relaxed, estimator = type(self.relaxation).__name__, type(self.hypergradient).__name__
        scored = isinstance(self.hypergradient, ScoreFunction)
        if self.relaxation.sampled and not scored:
            raise UserError(
                f"{relaxed} gives options without a gradient, so {estimator} has nothing to differentiate: take a "
                "score-function estimator (Reinforce, Rebar, Relax), or a relaxation that carries one"
            )
        if scored and not self.relaxation.sampled:
            raise UserError(
                f"{estimator} draws architectures by itself and asks for no weights of {relaxed}: take the relaxation "
                "Sampled"
            )
        name, wants = type(self.update).__name__, self.update.wants
        if scored and wants != "alphas":
            raise UserError(f"{name} wants gradients by the weights of a mixture, {estimator} gives them by parameters")
        if isinstance(self.update, AutomaticRelevance) and not isinstance(self.relaxation, ScalingFactors):
            raise UserError(
                f"{name} infers the variances of switches: take the relaxation ScalingFactors, not {relaxed}"
            )
        for part in (self.schedule, self.derive):
            if isinstance(part, EvidencePrune | Posterior) and not isinstance(self.update, AutomaticRelevance):
                raise UserError(f"{type(part).__name__} reads the variances that AutomaticRelevance infers, not {name}")
        if wants == "layers" and not isinstance(self.hypergradient, FirstOrder):
            raise UserError(f"{name} takes the gradient of every layer apart, which only FirstOrder gives")

    def search(
        self,
        net: Supernet,
        splits: Splits,
        *,
        seed: int = 0,
        folder: str | Path | None = None,
        build: Callable[[int], Supernet] | None = None,
        feasible: Feasible | None = None,
        penalty: Penalty | None = None,
        on_update: OnUpdate | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> Found:
        """Train the mixture and derive an architecture.

        Args:
            net: supernet; its weights are trained in place, on the trainer's device.
            splits: data; only the training part is used.
            seed: at least 0.
            folder: where checkpoints are kept; the same search goes on from them if they exist.
            build: makes a fresh supernet of so many cells, for schedules in stages.
            feasible: whether an architecture keeps the limits.
            penalty: brings the expected cost into the architecture's loss.
            on_update: told epochs done and planned after every step.
            on_epoch: told what was measured after every epoch.

        Raises:
            UserError: nothing to relax, no data, a checkpoint of another search.
            Infeasible: no architecture within the limits.
        """
        net.to(resolve_device(self.trainer.device))
        inner, outer = halves(splits, self.split, seed)
        known = Request(self, inner, outer, seed, folder, feasible, penalty, on_update, on_epoch)
        if not isinstance(self.schedule, Progressive):
            return self._trained(known, self._relaxed(net, self.none, seed), "search")
        if build is None:
            raise UserError("Progressive builds a deeper supernet in every stage: pass build=, which makes one")
        space: Space | None = None
        past: list[dict[str, Any]] = []
        zeros: bool | frozenset[str] = self.none
        for stage, layers in enumerate(self.schedule.layers):
            relaxed = self._relaxed(build(layers).to(next(net.parameters()).device), zeros, seed + stage)
            if space is not None:
                relaxed.restrict(space)
            with self.schedule.dropping(stage, relaxed):
                found = self._trained(known, relaxed, f"stage-{stage + 1}", last=stage + 1 == len(self.schedule.layers))
            space, zeros = self.schedule.shrink(stage, relaxed)
            past += [{"stage": stage + 1, **entry} for entry in found.history]
        return dataclasses.replace(found, history=past)

    def _relaxed(self, net: Supernet, none: bool | frozenset[str], seed: int) -> Relaxed:
        estimator = copy.deepcopy(self.hypergradient) if isinstance(self.hypergradient, ScoreFunction) else None
        return Relaxed(net, self.relaxation, self.update, inputs=self.inputs, none=none, estimator=estimator, seed=seed)

    def _trained(self, known: Request, relaxed: Relaxed, name: str, *, last: bool = True) -> Found:
        """One mixture trained, and read off if it is the last."""
        session = Running(known, relaxed)
        stages = len(self.schedule.layers) if isinstance(self.schedule, Progressive) else 1
        minutes = None if self.trainer.minutes is None else self.trainer.minutes / stages
        epochs = session.train(dataclasses.replace(self.trainer, minutes=minutes), name, session.after_epoch)
        arch = self.derive(relaxed, session) if last else session.likeliest()
        relaxed.net.eval()
        return Found(arch=arch, relaxed=relaxed, history=relaxed.history, epochs=epochs)
