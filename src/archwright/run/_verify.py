"""Phase `verify`."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import torch

from archwright.run._phase import Phase
from archwright.run._state import State
from archwright.run._watch import Watch
from archwright.space import Arch
from archwright.statistics import kendall, spearman
from archwright.supernet import extreme, recalibrate, spread
from archwright.train import Trainer, evaluate
from archwright.trial import Trial
from archwright.trial import objectives as parsed

_COMPARED = 4  # architectures whose extracted network is compared with the shared forward
_CALIBRATION = 16  # batches for the statistics


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verify(Phase):
    """Ask whether the scores of the search can be trusted; what is found stands in the report and changes nothing.

    A few judged candidates, spread evenly over their ranking, are trained alone from new weights, and the two rankings
    are compared. Of a trained supernet it is checked that its forward pass is that of the networks extracted from it.

    Args:
        networks: candidates to train, at least 2. With so few a rank correlation is rough: its standard deviation
            without any association is 0.36 for six.
        trainer: how they are trained.
        share: part of the run's minutes for this phase, in (0, 1].
    """

    networks: int = 6
    trainer: Trainer = Trainer(epochs=12, batch_size=64, lr=0.1)
    share: float = 0.05

    def __post_init__(self) -> None:
        self._require("networks", "an integer of at least 2", self.networks >= 2)
        self._require("share", "in (0, 1]", 0 < self.share <= 1)

    def __call__(self, state: State) -> None:
        if state.shared:
            state.result["supernet_check"] = _supernet(state)
        chosen = self._spread(state)
        if len(chosen) < 2 or not len(state.splits.valid):
            return
        objective = parsed(state.objectives)[0]
        scores = [-objective.loss(trial.metrics) for trial in chosen]
        trained, epochs = zip(*(self._trained(state, trial, n) for n, trial in enumerate(chosen, 1)), strict=True)
        ordered = len(set(scores)) > 1 and len(set(trained)) > 1
        agreement = {"kendall": kendall(scores, trained), "spearman": spearman(scores, trained)} if ordered else {}
        state.result["ranking"] = {
            "networks": len(chosen),
            "epochs": max(epochs),
            **agreement,
            "pairs": [
                {"number": trial.number, "score": score, "trained": accuracy}
                for trial, score, accuracy in zip(chosen, scores, trained, strict=True)
            ],
        }

    def _spread(self, state: State) -> list[Trial]:
        """Judged candidates from the worst to the best, evenly, each architecture once."""
        objective = parsed(state.objectives)[0]
        judged = {t.arch: t for t in state.trials if t.state == "complete" and t.source != "trained"}
        ranked = sorted(judged.values(), key=lambda t: -objective.loss(t.metrics))
        places = np.linspace(0, len(ranked) - 1, min(self.networks, len(ranked)))
        return [ranked[round(place)] for place in places]

    def _trained(self, state: State, trial: Trial, number: int) -> tuple[float, float]:
        """Validation accuracy of the network trained alone, and for how many epochs."""
        with torch.random.fork_rng():
            torch.manual_seed(state.config.seed)
            module = state.net.extract(trial.arch, fresh=True).to(state.device)
        minutes = state.minutes(self.share / self.networks)
        trainer = dataclasses.replace(self.trainer, minutes=minutes or self.trainer.minutes, evaluate_every=10**6)
        watch = Watch(state.progress, f"candidate {trial.number} alone ({number} of {self.networks})")
        reports = trainer.fit(
            module,
            state.splits,
            seed=state.config.seed,
            checkpoint=state.folder / "checkpoints" / f"verify-{number}.pt",
            on_update=watch.update,
        )
        *_, last = watch.all(reports)
        planned = last.step + 1.0 if math.isinf(watch.planned) else watch.planned
        return last.metrics["accuracy"], round(planned, 2)


def _supernet(state: State) -> dict[str, float]:
    """How far the shared forward is from the extracted networks, and what the ends of the space reach with shared
    weights and statistics of their own, in percent of the validation part."""
    net, rng = state.net.to(state.device).eval(), np.random.default_rng(state.config.seed)
    x, _ = next(iter(state.splits.train.batches(64, device=state.device)))
    with torch.inference_mode():
        apart = max(_difference(state, arch, x) for arch in spread(net.space, _COMPARED, rng))
    found = {"largest difference to an extracted network": apart}
    if len(state.splits.valid):
        for name, largest in (("largest", True), ("smallest", False)):
            arch = extreme(net.space, rng, largest=largest)
            batches = state.splits.train.batches(256, shuffle=True, seed=state.config.seed, device=state.device)
            module = recalibrate(net.slice(arch), itertools.islice((x for x, _ in batches), _CALIBRATION))
            accuracy = evaluate(module, state.splits.valid)["accuracy"]
            found[f"accuracy of the {name} network, %"] = round(accuracy, 2)
    return found


def _difference(state: State, arch: Arch, x: torch.Tensor) -> float:
    return float((state.net(x, arch) - state.net.extract(arch).eval()(x)).abs().max())
