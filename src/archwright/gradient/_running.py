"""A search by gradient at work: one mixture trained, judged and tuned."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from archwright.data import Split, Splits, augmentation
from archwright.errors import UserError
from archwright.gradient._batch_statistics import batch_statistics
from archwright.gradient._derivation import Feasible, assembled, ranked
from archwright.gradient._diagnostics import dominant_eigenvalue, skip_share
from archwright.gradient._hypergradient import Hypergradient
from archwright.gradient._outer import OuterBatches
from archwright.gradient._relaxed import Relaxed
from archwright.gradient._schedule import View
from archwright.gradient._step import BilevelStep, Penalty
from archwright.space import Arch
from archwright.train import Trainer

if TYPE_CHECKING:
    from archwright.gradient._search import GradientSearch

OnUpdate = Callable[[float, float], None]
OnEpoch = Callable[[Mapping[str, Any]], None]
_JUDGED = 512  # samples that the mixture is judged on after every epoch
_SHARPNESS = 64  # samples of the eigenvalue
_FORWARD = 1 / 6  # of a step of weights and architecture is what one forward pass takes
_CURVATURE = 12.0  # steps on as many samples that an eigenvalue takes: eight products with the Hessian
_SHARPNESS_SHARE = 0.2  # of a time budget, at most, goes into eigenvalues


@dataclasses.dataclass(frozen=True)
class Request:
    """What all stages of a search share.

    Args:
        search: the five slots and how the weights are trained.
        inner, outer: data of the weights and of the architecture.
        seed: of everything random.
        folder: where checkpoints are kept, or None.
        feasible, penalty, on_update, on_epoch: as in `GradientSearch.search`.
    """

    search: GradientSearch
    inner: Splits
    outer: Split
    seed: int
    folder: str | Path | None
    feasible: Feasible | None
    penalty: Penalty | None
    on_update: OnUpdate | None
    on_epoch: OnEpoch | None


class Running:
    """The training of one mixture, and what a derivation may ask of it (`Session`).

    Args:
        known: the request.
        relaxed: the mixture.
    """

    def __init__(self, known: Request, relaxed: Relaxed) -> None:
        self._search, self._relaxed, self._seed = known.search, relaxed, known.seed
        self._inner, self._outer = known.inner, known.outer
        self._folder = None if known.folder is None else Path(known.folder)
        self.feasible, self._on_update, self._on_epoch = known.feasible, known.on_update, known.on_epoch
        self._epochs: list[dict[str, float]] = []
        search, seed, inner, outer = known.search, known.seed, known.inner, known.outer
        augment = search.trainer.augment
        device = next(relaxed.net.parameters()).device
        augmented = augmentation.build(augment, inner) if isinstance(augment, str) else augment
        descends = isinstance(search.hypergradient, Hypergradient) and search.hypergradient.descent > 0
        size = search.trainer.batch_size
        self._step = BilevelStep(
            search.hypergradient if relaxed.estimator is None else relaxed.estimator,
            OuterBatches(outer, size, seed=seed + 1, augment=augmented, device=device),
            every=search.every,
            warmup=search.warmup,
            penalty=known.penalty,
            shrink=self._shrink if search.schedule is not None and search.schedule.stepwise else None,
            ahead=OuterBatches(inner.train, size, seed=seed + 2, augment=augmented, device=device)
            if descends
            else None,
        )
        self._judging = _FORWARD * min(_JUDGED, len(outer)) / size
        self._sharpness_every = 0
        if search.sharpness and search.update.wants == "alphas" and not search.relaxation.sampled:
            cost = _CURVATURE * min(_SHARPNESS, len(outer)) / size
            steps = max(1, len(inner.train) // size)
            rare = math.ceil(cost / (_SHARPNESS_SHARE * steps))
            self._sharpness_every = 1 if search.trainer.minutes is None else rare
            self._judging += cost / self._sharpness_every

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
            metrics_updates=self._judging,
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
            share = skip_share(relaxed.net, self.likeliest())
            facts |= {} if math.isnan(share) else {"skip_share": share}
        last = relaxed.progress >= 1.0
        if self._sharpness_every and ((len(relaxed.history) + 1) % self._sharpness_every == 0 or last):
            facts["eigenvalue"] = self._eigenvalue()
        relaxed.record(**facts)
        if search.schedule is not None and not search.schedule.stepwise:
            self._shrink()
        facts["options"] = float(sum(len(relaxed.alive(name)) for name in relaxed.names))
        return {f"mixture_{name}": value for name, value in facts.items()}

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
            places={name: relaxed.places(name) for name in relaxed.names},
            mover=relaxed.mover,
            progress=relaxed.progress,
            moving=self._step.moving(relaxed),
            epoch=len(relaxed.history),
            nothing={name: self._nothing(name) for name in relaxed.names},
        )

    def _nothing(self, name: str) -> frozenset[int]:
        alive, empty = self._relaxed.alive(name), set(self._relaxed.nothing(name))
        return frozenset(n for n, place in enumerate(alive) if place in empty)

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
        """Epochs of tuning within half of the time for deriving, which is as long again as that of the search."""
        minutes = self._search.trainer.minutes
        if minutes is None or not self._epochs:
            return max(1, epochs)
        usual = statistics.median(report["seconds"] for report in self._epochs)
        return max(1, min(epochs, int(30 * minutes / usual)))

    def affordable_samples(self, judgements: int) -> int | None:
        """Samples of each judgement so that all of them take the other half."""
        minutes = self._search.trainer.minutes
        if minutes is None:
            return None
        size = min(self._search.trainer.batch_size, len(self._outer))
        started = time.perf_counter()
        self.judge(self._relaxed.mean(), samples=size)
        return max(1, int(30 * minutes / max(judgements, 1) / (time.perf_counter() - started))) * size

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
