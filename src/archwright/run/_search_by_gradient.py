"""Phase `search-by-gradient`."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Annotated

from archwright import zoo
from archwright.estimate import NetworkCosts
from archwright.gradient import (
    DERIVATIONS,
    HYPERGRADIENTS,
    RELAXATIONS,
    SCHEDULES,
    UPDATES,
    Expectation,
    ExpectedCost,
    Found,
    GradientSearch,
    Inputs,
    Perturbation,
)
from archwright.registry import Part
from archwright.run._phase import Phase
from archwright.run._state import State
from archwright.run._watch import Watch
from archwright.supernet import Supernet
from archwright.train import Trainer
from archwright.trial import broken

_COUNTED = ("params", "flops")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchByGradient(Phase):
    """Search the space by gradient: a mixture of all options is trained with its architecture parameters, then one
    architecture is read off, the likeliest within the limits.

    Args:
        relaxation: how parameters become weights over options.
        hypergradient: how the validation loss is differentiated.
        update: how the parameters move.
        schedule: how the space shrinks.
        derivation: how the answer is read off.
        expected_cost: in the architecture's loss.
        inputs: of a cell's node during the search: `"all"`, of which the strongest stay at the end, or a relaxed choice
            (`"learned"`).
        none: whether every edge of a cell has a zero that competes and is never chosen.
        split: share of the training part for the weights, in (0, 1).
        every: steps of the weights for one of the architecture.
        warmup: part of the search in which only weights move, in [0, 1]; 1 leaves the parameters as they are.
        trainer: how the weights are trained.
        sharpness: whether the dominant eigenvalue of the validation loss is measured after every epoch.
        share: part of the run's minutes for this phase, in (0, 1].
    """

    relaxation: Annotated[Part, "relaxation"] = Part("relaxation", "softmax")
    hypergradient: Annotated[Part, "hypergradient"] = Part("hypergradient", "first-order")
    update: Annotated[Part, "update"] = Part("update", "adam")
    schedule: Annotated[Part, "schedule"] | None = None
    derivation: Annotated[Part, "derivation"] = Part("derivation", "magnitude")
    expected_cost: ExpectedCost | None = None
    inputs: Inputs = "all"
    none: bool = False
    split: float = 0.5
    every: int = 1
    warmup: float = 0.0
    trainer: Trainer = Trainer(epochs=50, batch_size=64, lr=0.025, weight_decay=3e-4, clip=5.0)
    sharpness: bool = True
    share: float = 0.55

    def __post_init__(self) -> None:
        self._require("share", "in (0, 1]", 0 < self.share <= 1)

    def __call__(self, state: State) -> None:
        search = self.slots()
        share = self.share / 2 if isinstance(search.derive, Perturbation) else self.share
        trainer = dataclasses.replace(self.trainer, minutes=state.minutes(share) or self.trainer.minutes)
        search = dataclasses.replace(search, trainer=trainer)
        costs = NetworkCosts(state.net, [*_COUNTED, *state.limits], table=state.latency_table)
        penalty = self._penalty(state, costs)
        watch = Watch(state.progress, "mixture")
        found = search.search(
            state.net.to(state.device),
            state.splits,
            seed=state.config.seed,
            folder=state.folder / "checkpoints" / "gradient",
            build=lambda layers: _deeper(state, layers),
            feasible=None if not state.limits else lambda arch: not broken(costs(arch), state.search_limits),
            penalty=penalty,
            on_update=watch.update,
        )
        self._tell(state, found, costs(found.arch), penalty)

    def slots(self) -> GradientSearch:
        """The search that the settings describe.

        Raises:
            UserError: parts that do not go together.
        """
        return GradientSearch(
            relaxation=self.relaxation.build(RELAXATIONS),
            hypergradient=self.hypergradient.build(HYPERGRADIENTS),
            update=self.update.build(UPDATES),
            schedule=None if self.schedule is None else self.schedule.build(SCHEDULES),
            derive=self.derivation.build(DERIVATIONS),
            inputs=self.inputs,
            none=self.none,
            split=self.split,
            every=self.every,
            warmup=self.warmup,
            trainer=self.trainer,
            sharpness=self.sharpness,
        )

    def _penalty(self, state: State, costs: NetworkCosts) -> Expectation | None:
        if self.expected_cost is None:
            return None
        state.progress.message(f"fitting what every option contributes to {self.expected_cost.metric}")
        penalty = self.expected_cost.fit(state.net.space, costs, seed=state.config.seed)
        state.progress.message(
            f"expected {self.expected_cost.metric}: R2 {penalty.explained:.4f}, target {penalty.target:.4g}"
        )
        return penalty

    def _tell(self, state: State, found: Found, costs: object, penalty: Expectation | None) -> None:
        """Leave the answer and the history for the phases that follow."""
        state.chosen = found.arch
        state.result["architecture"] = dict(found.arch)
        state.result["gradient"] = {
            "history": list(found.history),
            "epochs": [dict(epoch) for epoch in found.epochs],
            "costs": costs,
            **({} if penalty is None else {"expected_cost_r2": penalty.explained}),
        }
        last = found.history[-1] if found.history else {}
        facts = {k: last[k] for k in ("accuracy", "skip_share", "eigenvalue") if k in last}
        if facts:
            state.progress.message("mixture: " + ", ".join(f"{k} {v:.4g}" for k, v in facts.items()))
        state.progress.message("chosen: " + ", ".join(f"{k}={v}" for k, v in found.arch.items()))


def _deeper(state: State, layers: int) -> Supernet:
    """A fresh supernet of the run's space with so many cells, if the space has that setting."""
    space = state.config.space or Part("space", state.net.space.name)
    deeper = {"layers": layers} if "layers" in inspect.signature(zoo.SPACES.load(space.name)).parameters else {}
    return zoo.build_for(state.splits, space.name, **{**space.settings, **deeper})
