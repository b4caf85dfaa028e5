"""PrAC: lottery tickets from a part of the data."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
from collections import deque
from collections.abc import Mapping
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from archwright.compress._forgetting import Forgetting
from archwright.compress._held import Held, train_held
from archwright.compress._iterative import rounds
from archwright.compress._masks import Masks
from archwright.compress._prac_set import PracSet
from archwright.compress._pruning import Needs, Pruning
from archwright.data import Splits
from archwright.errors import UserError
from archwright.train import Backward, Trainer, classification_loss, predict_logits

_FOREVER = 10**6  # epochs of patience: the best weights are kept, nothing is stopped


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class PracRound:
    """What a round of `Prac` did.

    Args:
        examples: it was trained on.
        planned: epochs of its schedule.
        epochs: that were trained before the masks settled.
        steps: updates of the optimiser.
        distances: of the candidate masks of one epoch and the next, relative to the weights kept at the start.
        accuracy: best on the validation part, percent; nan if there is none.
        forgotten: examples that were forgotten or never learned.
        disagreeing: examples on which the sparse network and the dense one disagree.
        passes: examples that were run through a network for that, in inference.
    """

    examples: int
    planned: int
    epochs: int
    steps: int
    distances: tuple[float, ...]
    accuracy: float
    forgotten: int
    disagreeing: int
    passes: int


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class PracTicket:
    """What `Prac.search` found.

    Args:
        masks: of the ticket.
        sets: that the rounds were trained on.
        rounds: what they did.
    """

    masks: Masks
    sets: PracSet
    rounds: tuple[PracRound, ...]

    @property
    def steps(self) -> int:
        """Of the whole search, the first round on all data included, the last training not."""
        return sum(r.steps for r in self.rounds)


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Prac:
    """Iterative magnitude pruning with rewinding whose rounds are trained on the pruning-aware critical set only
    (Zhang, Chen, Chen and Wang 2021).

    The network given is the initialisation. The first round trains it on all data. A round ends when the masks that it
    would be pruned to have settled; it is pruned to them and put back to the weights it is rewound to, with a fresh
    schedule. The next round is trained on the examples that were forgotten or never learned in this one, and from the
    second round on also on those that the sparse network of this round and the dense one of the first round (both at
    their best validation accuracy) classify differently. Epochs shrink with the examples, so that steps shrink with
    their square. In the end the ticket is trained on all data with the whole schedule.

    Published figures are for 45 000 examples and 182 epochs. With few examples hardly any is forgotten, and the
    published schedule leaves a handful of steps that destroy the network: hence the last two settings.

    Args:
        rate: share of the kept weights that goes in a round, in (0, 1); the last round ends at the sparsity asked for.
        rewind: epochs of the first round after which weights are kept to go back to; 0: the initialisation.
        threshold: examples that were forgotten more often are kept.
        eps: distance of masks, relative to the kept weights, below which they have settled; 0: rounds run to their end.
        queue: epochs for which they must have.
        sets: that were found before, maybe with another architecture, or drawn at random (`PracSet.random_like`); then
            nothing is recorded. None: they are found here.
        least_steps: of a round; half of those of the first round suffice.
        least_share: of the examples; the set is filled up with those that were learned last.

    Raises:
        UserError: a setting out of range.
    """

    rate: float = 0.2
    rewind: int = 0
    threshold: int = 0
    eps: float = 0.08
    queue: int = 5
    sets: PracSet | None = None
    least_steps: int = 1000
    least_share: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise UserError(f"rate must be in (0, 1), got {self.rate}")
        for name, least in (("rewind", 0), ("threshold", 0), ("eps", 0), ("queue", 1), ("least_steps", 1)):
            if getattr(self, name) < least:
                raise UserError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 < self.least_share <= 1:
            raise UserError(f"least_share must be in (0, 1], got {self.least_share}")

    @property
    def needs(self) -> Needs:
        return "splits"

    def __call__(self, module: nn.Module, asked: Pruning) -> nn.Module:
        masks = self.search(module, asked).masks
        train_held(module, masks, asked, asked.trainer or Trainer(), what="training the ticket")
        return module

    def search(self, module: nn.Module, asked: Pruning) -> PracTicket:
        """Find a ticket; `module` is left pruned and rewound, to be trained.

        Args:
            module: the initialisation, changed in place.
            asked: the sparsity and the data; how a round is trained on all of them.
        """
        return _Search(self, module, asked).run()

    def epochs(self, trainer: Trainer, examples: int, total: int) -> int:
        """Epochs of a round on `examples` of `total`: int(epochs * examples / total), and as many more as the least
        number of steps needs."""
        return max(int(int(trainer.planned_epochs) * examples / total), self.least_epochs(trainer, examples, total))

    def least_epochs(self, trainer: Trainer, examples: int, total: int) -> int:
        """Epochs of a round on `examples` of `total` that the least number of steps needs."""
        least = min(self.least_steps, int(trainer.planned_epochs) * _steps(total, trainer) // 2)
        return max(math.ceil(least / _steps(examples, trainer)), 1)


def _steps(examples: int, trainer: Trainer) -> int:
    """Of an epoch."""
    return math.ceil(max(1, examples // trainer.batch_size) / trainer.accumulate)


@final
class EarlyBird:
    """Whether the masks that a network would be pruned to have settled (You et al. 2020; Zhang, Chen, Chen and Wang
    2021, code).

    They have when the last `queue` distances are all below `eps`. Distances count from the first one above `eps` on,
    and from the end of the warm-up.

    Args:
        kept: weights at the start of the round, that distances are relative to.
        eps: 0: never.
        queue: at least 1.
        warmup: epochs.
        least: epochs that are trained in any case.
    """

    def __init__(self, kept: int, *, eps: float = 0.08, queue: int = 5, warmup: float = 0.0, least: int = 0) -> None:
        self._kept, self._eps, self._warmup, self._least = kept, eps, warmup, least
        self._queue = deque([1.0] * queue, maxlen=queue)
        self._last: Masks | None = None
        self._moving = False
        self.distances: list[float] = []

    def tell(self, candidate: Masks) -> bool:
        """Take the candidate after an epoch; whether the round can end."""
        last, self._last = self._last, candidate
        if last is None:
            return False
        distance = candidate.distance(last) / self._kept
        self.distances.append(distance)
        self._moving |= distance > self._eps
        if self._moving and len(self.distances) > self._warmup:
            self._queue.append(distance)
        return max(self._queue) < self._eps and len(self.distances) + 1 >= self._least


class _Search:
    """One search of a ticket."""

    def __init__(self, how: Prac, module: nn.Module, asked: Pruning) -> None:
        self._how, self._module, self._asked = how, module, asked
        self._trainer = _checked(how, asked.trainer or Trainer())
        self._splits = asked.splits
        self._total = len(self._splits.train)
        self._start = copy.deepcopy(module.state_dict())
        self._dense: Tensor | None = None
        if how.sets is not None:
            how.sets.check(self._splits)

    def run(self) -> PracTicket:
        masks = self._asked.masks(self._module)
        self._asked.chosen("magnitude", self._module, masks, self._asked.sparsity)  # refuses what cannot be reached
        plan = rounds(masks.kept, masks.total - round(self._asked.sparsity * masks.total), self._how.rate)
        chosen = torch.arange(self._total)
        sets, done = [], []
        for number, kept in enumerate(plan):
            chosen = chosen if self._how.sets is None else self._how.sets[number]
            sets.append(chosen)
            masks, chosen, told = self._round(number, len(plan), masks, 1 - kept / masks.total, chosen)
            done.append(told)
        self._module.load_state_dict(self._start)
        masks.apply_(self._module)
        found = PracSet(tuple(sets or [chosen]), self._total, self._splits.fingerprint)
        return PracTicket(masks=masks, sets=found, rounds=tuple(done))

    def _round(
        self, number: int, count: int, masks: Masks, target: float, chosen: Tensor
    ) -> tuple[Masks, Tensor, PracRound]:
        how, asked, module = self._how, self._asked, self._module
        if number:
            module.load_state_dict(self._start)
        planned = how.epochs(self._trainer, len(chosen), self._total) if number else int(self._trainer.planned_epochs)
        trainer = self._shortened(planned)
        least = max(how.least_epochs(self._trainer, len(chosen), self._total), 0 if number else how.rewind)
        bird = EarlyBird(masks.kept, eps=how.eps, queue=how.queue, warmup=trainer.warmup, least=least)
        forgetting = Forgetting(self._total)
        step = _Recorded(self._splits.train.y, forgetting, self._trainer.label_smoothing)
        steps, epochs, best, candidate = [0], 0, -math.inf, masks

        def on_update(done: float, planned: float) -> None:
            steps[0] += 1

        reports = trainer.fit(
            module, self._part(chosen), Held(module, masks, step), seed=asked.seed, on_update=on_update
        )
        with contextlib.closing(reports):
            for report in reports:
                epochs += 1
                asked.tell(f"round {number + 1} of {count}", epochs, planned)
                best = max(best, report.metrics.get("accuracy", -math.inf))
                if not number and epochs == how.rewind:
                    self._start = copy.deepcopy(module.state_dict())
                candidate = asked.chosen("magnitude", module, masks, target)
                if bird.tell(candidate):
                    break
        masks.apply_(module)
        following, forgotten, disagreeing, passes = self._following(number, count, chosen, forgetting)
        told = PracRound(
            examples=len(chosen),
            planned=planned,
            epochs=epochs,
            steps=steps[0],
            distances=tuple(bird.distances),
            accuracy=best if math.isfinite(best) else math.nan,
            forgotten=forgotten,
            disagreeing=disagreeing,
            passes=passes,
        )
        return candidate, following, told

    def _shortened(self, planned: int) -> Trainer:
        """The trainer with another number of epochs, that keeps the best weights; smoothing is the step's."""
        factor = planned / int(self._trainer.planned_epochs)
        patience = _FOREVER if len(self._splits.valid) else None
        changed = {"epochs": planned, "warmup": self._trainer.warmup * factor, "label_smoothing": 0.0}
        return dataclasses.replace(self._trainer, **changed, patience=patience)  # type: ignore[arg-type]

    def _part(self, chosen: Tensor) -> Splits:
        """The examples `chosen`, with their positions instead of labels."""
        part = self._splits.train.subset(chosen)
        positions = dataclasses.replace(part, y=chosen.to(part.y.device))
        return dataclasses.replace(self._splits, train=positions)

    def _following(
        self, number: int, count: int, chosen: Tensor, forgetting: Forgetting
    ) -> tuple[Tensor, int, int, int]:
        """The set of the next round, how many were forgotten, how many disagree, and passes of inference."""
        counts = forgetting.counts[chosen]
        forgotten = chosen[(counts > self._how.threshold) | (counts < 0)]
        if self._how.sets is not None or number + 1 == count:
            return chosen, len(forgotten), 0, 0
        predicted = predict_logits(self._module, self._splits.train).argmax(1)
        if self._dense is None:
            self._dense = predicted
        disagreeing = (predicted != self._dense).nonzero().flatten()
        found = torch.unique(torch.cat([forgotten, disagreeing]))
        least = math.ceil(self._how.least_share * self._total)
        if len(found) < least:
            rest = chosen[~torch.isin(chosen, found)]
            found = torch.cat([found, forgetting.hardest(rest, least - len(found))]).sort().values
        return found, len(forgotten), len(disagreeing), self._total


class _Recorded:
    """The supervised step on examples that are given by position; what the network predicts is recorded."""

    def __init__(self, labels: Tensor, forgetting: Forgetting, label_smoothing: float) -> None:
        self._labels, self._forgetting, self._smoothing = labels, forgetting, label_smoothing

    def __call__(
        self, module: nn.Module, x: Tensor, y: Tensor, *, backward: Backward, rng: np.random.Generator
    ) -> Mapping[str, Tensor | float]:
        """Train on one batch."""
        self._labels = self._labels.to(y.device)
        labels = self._labels[y]
        outputs = module(x)
        loss = classification_loss(outputs, labels, label_smoothing=self._smoothing)
        backward(loss)
        logits = outputs if isinstance(outputs, Tensor) else outputs[0]
        self._forgetting.tell(y, logits.detach().argmax(1) == labels)
        return {"loss": loss.detach()}


def _checked(how: Prac, trainer: Trainer) -> Trainer:
    if trainer.minutes is not None or trainer.patience is not None:
        raise UserError("rounds are trained for a number of epochs: neither minutes nor patience")
    if how.rewind >= trainer.planned_epochs:
        raise UserError(f"rewind must be below the {trainer.planned_epochs} epochs, got {how.rewind}")
    return trainer
