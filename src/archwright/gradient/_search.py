"""The loop that joins the five slots."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archwright.data import Split, Splits, augmentation
from archwright.errors import UserError
from archwright.gradient._derivation import Derivation, Feasible, assembled, ranked
from archwright.gradient._diagnostics import dominant_eigenvalue, skip_share
from archwright.gradient._evidence import AutomaticRelevance
from archwright.gradient._evidence_prune import EvidencePrune
from archwright.gradient._first_order import FirstOrder
from archwright.gradient._found import Found
from archwright.gradient._hypergradient import Hypergradient
from archwright.gradient._magnitude import Magnitude
from archwright.gradient._outer import OuterBatches, halves
from archwright.gradient._posterior import Posterior
from archwright.gradient._progressive import Progressive
from archwright.gradient._relaxation import Relaxation
from archwright.gradient._relaxed import Inputs, Relaxed
from archwright.gradient._scaling_factors import ScalingFactors
from archwright.gradient._schedule import Schedule, View
from archwright.gradient._score_function import ScoreFunction
from archwright.gradient._step import BilevelStep, Penalty
from archwright.gradient._update import Update
from archwright.space import Arch, Space
from archwright.supernet import Supernet
from archwright.train import Trainer, resolve_device

OnUpdate = Callable[[float, float], None]
OnEpoch = Callable[[Mapping[str, Any]], None]
_JUDGED = 512  # samples that the mixture is judged on after every epoch
_SHARPNESS = 64  # samples of the eigenvalue


@dataclasses.dataclass(frozen=True, kw_only=True)
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
        known = _Known(self, inner, outer, seed, folder, feasible, penalty, on_update, on_epoch)
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

    def _trained(self, known: _Known, relaxed: Relaxed, name: str, *, last: bool = True) -> Found:
        """One mixture trained, and read off if it is the last."""
        session = _Session(known, relaxed)
        stages = len(self.schedule.layers) if isinstance(self.schedule, Progressive) else 1
        minutes = None if self.trainer.minutes is None else self.trainer.minutes / stages
        epochs = session.train(dataclasses.replace(self.trainer, minutes=minutes), name, session.after_epoch)
        arch = self.derive(relaxed, session) if last else session.likeliest()
        relaxed.net.eval()
        return Found(arch=arch, relaxed=relaxed, history=relaxed.history, epochs=epochs)


@dataclasses.dataclass(frozen=True)
class _Known:
    """What all stages of a search share."""

    search: GradientSearch
    inner: Splits
    outer: Split
    seed: int
    folder: str | Path | None
    feasible: Feasible | None
    penalty: Penalty | None
    on_update: OnUpdate | None
    on_epoch: OnEpoch | None


class _Session:
    """A search at work."""

    def __init__(self, known: _Known, relaxed: Relaxed) -> None:
        self._search, self._relaxed, self._seed = known.search, relaxed, known.seed
        self._inner, self._outer = known.inner, known.outer
        self._folder = None if known.folder is None else Path(known.folder)
        self.feasible, self._on_update, self._on_epoch = known.feasible, known.on_update, known.on_epoch
        self._epochs: list[dict[str, float]] = []
        search, seed, inner, outer = known.search, known.seed, known.inner, known.outer
        augment = search.trainer.augment
        device = next(relaxed.net.parameters()).device
        self._step = BilevelStep(
            search.hypergradient if relaxed.estimator is None else relaxed.estimator,
            OuterBatches(
                outer,
                search.trainer.batch_size,
                seed=seed + 1,
                augment=augmentation.build(augment, inner) if isinstance(augment, str) else augment,
                device=device,
            ),
            every=search.every,
            warmup=search.warmup,
            penalty=known.penalty,
            shrink=self._shrink if search.schedule is not None and search.schedule.stepwise else None,
        )

    def _shrink(self) -> None:
        """Let the schedule act."""
        relaxed, schedule = self._relaxed, self._search.schedule
        if schedule is not None:
            relaxed.restrict(schedule(relaxed.space, self._view()))

    def train(
        self, trainer: Trainer, name: str, after: Callable[[nn.Module], dict[str, float]], *, searching: bool = True
    ) -> list[dict[str, float]]:
        """Run the bi-level loop; `after` is called after every epoch and gives its measurements. Only while `searching`
        does the progress of temperatures and plans go on."""
        relaxed = self._relaxed

        def told(done: float, planned: float) -> None:
            if searching and planned < math.inf:
                relaxed.progress = min(done / planned, 1.0)
                relaxed.planned = planned * max(1, len(self._inner.train) // trainer.batch_size)
            if self._on_update is not None:
                self._on_update(done, planned)

        if trainer.minutes is None:
            told(0.0, trainer.planned_epochs)
        reports = dataclasses.replace(trainer, evaluate_every=1).fit(
            relaxed,
            self._inner,
            self._step,
            seed=self._seed,
            checkpoint=self._path(name),
            metrics=after,
            on_update=told,
        )
        self._epochs = []
        for report in reports:
            self._epochs.append(dict(report.metrics))
            if self._on_epoch is not None:
                self._on_epoch(report.metrics)
        return self._epochs

    def after_epoch(self, module: nn.Module) -> dict[str, float]:
        """Measure, let the schedule act, remember."""
        relaxed, search = self._relaxed, self._search
        facts = self.judge(relaxed.mean(), samples=_JUDGED)
        with contextlib.suppress(UserError):
            facts["skip_share"] = skip_share(relaxed.net, self.likeliest())
        if search.sharpness and search.update.wants == "alphas" and not search.relaxation.sampled:
            facts["eigenvalue"] = self._eigenvalue()
        relaxed.record(**facts)
        if search.schedule is not None and not search.schedule.stepwise:
            self._shrink()
        facts["options"] = float(sum(len(relaxed.alive(name)) for name in relaxed.names))
        return facts

    def likeliest(self) -> Arch:
        """What magnitude would answer now."""
        return self._relaxed.member(assembled(self._relaxed, ranked(self._relaxed)))

    def _view(self) -> View:
        relaxed = self._relaxed
        return View(
            probabilities=relaxed.probabilities(),
            alphas={n: a.detach().cpu() for n, a in zip(relaxed.names, relaxed.competing())},
            options={n: len(a) for n, a in zip(relaxed.names, relaxed.alphas)},
            zeros=relaxed.zeros,
            places={name: relaxed._places(name) for name in relaxed.names},
            mover=relaxed.mover,
            progress=relaxed.progress,
            moving=self._step.moving(relaxed),
        )

    def judge(self, selection: Mapping[str, Any], *, samples: int | None = None) -> dict[str, float]:
        """`accuracy` in percent and `loss` of a mixture on the architecture's data, batch statistics, no change."""
        relaxed = self._relaxed
        right, loss, seen = 0.0, 0.0, 0
        with batch_statistics(relaxed.net), torch.no_grad():
            for x, y in self._judged(samples):
                logits = relaxed.net(x, selection).float()
                right += float((logits.argmax(-1) == y).sum())
                loss += float(nn.functional.cross_entropy(logits, y, reduction="sum"))
                seen += len(y)
        return {"accuracy": 100 * right / seen, "loss": loss / seen}

    def _judged(self, samples: int | None) -> Iterator[tuple[Tensor, Tensor]]:
        device = next(self._relaxed.net.parameters()).device
        size = min(self._search.trainer.batch_size, len(self._outer))
        batches = iter(self._outer.batches(size, drop_last=True, device=device))
        return batches if samples is None else itertools.islice(batches, max(1, samples // size))

    def _eigenvalue(self) -> float:
        relaxed = self._relaxed
        batches = self._outer.batches(min(_SHARPNESS, len(self._outer)), device=next(relaxed.net.parameters()).device)
        x, y = next(iter(batches))
        known = [p for p in relaxed.net.parameters() if p.requires_grad]
        for p in known:
            p.requires_grad_(False)
        try:
            with batch_statistics(relaxed.net), torch.enable_grad():

                def loss(alphas: Sequence[Tensor]) -> Tensor:
                    selection = relaxed.selection(alphas, self._seed)
                    return nn.functional.cross_entropy(relaxed.net(x, selection).float(), y)

                return dominant_eigenvalue(loss, relaxed.alphas, seed=self._seed)
        finally:
            for p in known:
                p.requires_grad_(True)

    def affordable(self, epochs: int) -> int:
        """Epochs of tuning within the time budget, which is as long again as that of the search."""
        minutes = self._search.trainer.minutes
        if minutes is None or not self._epochs:
            return max(1, epochs)
        usual = statistics.median(report["seconds"] for report in self._epochs)
        return max(1, min(epochs, int(60 * minutes / usual)))

    def tune(self, epochs: int, name: str, decide: Callable[[int], None]) -> None:
        """Train on with a tenth of the learning rate, deciding before the first and after every epoch."""
        path = self._path(name)
        if path is None or not path.exists():
            decide(0)
        relaxed, trainer = self._relaxed, self._search.trainer
        tuned = dataclasses.replace(trainer, lr=trainer.lr / 10, epochs=epochs, minutes=None, warmup=0.0)

        def after(module: nn.Module) -> dict[str, float]:
            relaxed.tuned += 1
            decide(relaxed.tuned)
            return self.judge(relaxed.mean(), samples=_JUDGED)

        self.train(tuned, name, after, searching=False)

    def _path(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{name}.pt"


@contextlib.contextmanager
def batch_statistics(net: nn.Module) -> Iterator[None]:
    """Within, the network normalises by the batch, and its running statistics stay as they are."""
    modes = [(m, m.training) for m in net.modules()]
    parts = [(vars(m), vars(m)["momentum"]) for m in net.modules() if isinstance(vars(m).get("momentum"), float)]
    net.train()
    for attributes, _ in parts:
        attributes["momentum"] = 0.0
    try:
        yield
    finally:
        for attributes, momentum in parts:
            attributes["momentum"] = momentum
        for part, training in modes:
            part.training = training
