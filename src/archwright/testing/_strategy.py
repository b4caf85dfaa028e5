"""What every black-box strategy keeps."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from archwright.errors import UserError
from archwright.search import Proposal, Strategy
from archwright.space import Arch, Choice, Ordinal, Real, Space
from archwright.trial import Report, State, Trial


def _not_both(arch: Mapping[str, Any]) -> bool:
    return not (arch["a"] == 3 and arch["b"] == 3)


SPACES = {
    "flat": Space([Choice(f"x{i}", ("a", "b", "c")) for i in range(5)]),
    "conditional": Space(
        [
            Choice("op", ("conv", "pool")),
            Ordinal("width", (8, 16, 32)),
            Ordinal("depth", (1, 2, 3)),
            Choice("act", ("relu", "tanh")),
        ],
        when={"width": {"op": ["conv"]}, "act": {"op": ["conv"], "width": [16, 32]}},
    ),
    "constrained": Space([Ordinal("a", (1, 2, 3)), Ordinal("b", (1, 2, 3)), Choice("c", (None, "x"))], where=_not_both),
    "continuous": Space([Real("rate", 1e-4, 1.0, log=True), Choice("op", ("x", "y"))]),
    "tiny": Space([Choice("only", ("a", "b", "c"))]),
}

Make = Callable[..., Strategy]


class StrategyContract:
    """Rules of a strategy. Provide the fixture `strategy`, a function `strategy(space, *, objectives, limits, seed)`
    that constructs one: usually the class itself.

    Attributes:
        rounds: proposals a rule is tried on.
        spaces: names of the spaces it is tried on; leave out `"continuous"` if it takes finite variables only.
    """

    rounds: ClassVar[int] = 25
    spaces: ClassVar[tuple[str, ...]] = tuple(SPACES)

    @pytest.fixture
    def strategy(self) -> Make:
        raise NotImplementedError("provide the constructor of the strategy in a fixture called `strategy`")

    @pytest.fixture(params=list(SPACES))
    def space(self, request: pytest.FixtureRequest) -> Space:
        if request.param not in self.spaces:
            pytest.skip(f"not for {request.param} spaces")
        return SPACES[request.param]

    def test_proposals_are_members(self, strategy: Make, space: Space) -> None:
        assert all(trial.arch in space for trial in search(strategy(space), self.rounds))

    def test_many_may_be_asked_for_before_any_is_told(self, strategy: Make, space: Space) -> None:
        asked = strategy(space).ask(self.rounds)
        assert len(asked) == self.rounds
        assert all(architecture(p) in space for p in asked)

    def test_asking_for_none_is_refused(self, strategy: Make, space: Space) -> None:
        with pytest.raises(UserError):
            strategy(space).ask(0)

    def test_proposals_follow_the_seed(self, strategy: Make, space: Space) -> None:
        first, again, other = ([t.arch for t in search(strategy(space, seed=s), self.rounds)] for s in (3, 3, 4))
        assert first == again
        assert space.size < self.rounds or first != other

    @pytest.mark.parametrize("finished", [1, 7, 20])
    def test_a_new_instance_that_is_told_the_finished_trials_goes_on_the_same(
        self, strategy: Make, space: Space, finished: int
    ) -> None:
        """How a run continues after it was killed."""
        trials = search(strategy(space, seed=5), finished + 5)
        resumed = strategy(space, seed=5)
        for trial in trials[:finished]:
            resumed.tell(trial)
        assert search(resumed, 5, start=finished) == trials[finished:]

    def test_batches_continue_too(self, strategy: Make, space: Space) -> None:
        old, new = strategy(space), strategy(space)
        for start in (0, 4, 8):
            for n, proposal in enumerate(old.ask(4), start):
                trial = finished_trial(n, proposal)
                old.tell(trial)
                new.tell(trial)
        assert old.ask(4) == new.ask(4)

    def test_trials_of_every_state_can_be_told(self, strategy: Make, space: Space) -> None:
        chosen, states = strategy(space), ("complete", "stopped", "refused", "failed")
        for n in range(self.rounds):
            state: State = states[n % 4]  # type: ignore[assignment]
            trial = finished_trial(n, chosen.ask())
            if state != "complete":
                trial = Trial(number=n, arch=trial.arch, state=state, budget=trial.budget, error="because")
            chosen.tell(trial)
        assert architecture(chosen.ask()) in space

    def test_trials_nobody_asked_for_can_be_told(self, strategy: Make, space: Space) -> None:
        chosen, rng = strategy(space), np.random.default_rng(0)
        for n in range(5):
            chosen.tell(finished_trial(n, space.sample(rng)))
        assert chosen.told == chosen.made == 5
        assert architecture(chosen.ask()) in space

    def test_limits_and_several_objectives_are_taken(self, strategy: Make, space: Space) -> None:
        chosen = strategy(space, objectives=("accuracy", "params"), limits={"params": 50})
        assert all(trial.arch in space for trial in search(chosen, self.rounds))

    def test_objectives_of_unknown_direction_are_refused(self, strategy: Make, space: Space) -> None:
        with pytest.raises(UserError, match="no known direction"):
            strategy(space, objectives=("goodness",))

    def test_whether_to_stop_is_a_yes_or_no(self, strategy: Make, space: Space) -> None:
        chosen = strategy(space)
        running = Trial(number=0, arch=architecture(chosen.ask()), state="running")
        assert chosen.should_stop(running, Report(step=0, metrics={"accuracy": 10.0})) in (True, False)

    def test_settings_can_be_stored(self, strategy: Make, space: Space) -> None:
        settings = strategy(space).settings
        assert all(isinstance(v, str | int | float | bool | None) for v in settings.values())
        assert strategy(space).settings == settings

    def test_global_random_numbers_are_left_alone(self, strategy: Make, space: Space) -> None:
        before = random.getstate(), str(np.random.get_state())  # noqa: NPY002
        search(strategy(space), 5)
        assert (random.getstate(), str(np.random.get_state())) == before  # noqa: NPY002


def architecture(proposal: Arch | Proposal) -> Arch:
    """The architecture of a proposal."""
    return proposal.arch if isinstance(proposal, Proposal) else proposal


def finished_trial(number: int, proposal: Arch | Proposal) -> Trial:
    """A trial with an accuracy and a size that follow from the architecture."""
    arch, budget = architecture(proposal), proposal.budget if isinstance(proposal, Proposal) else None
    digits = int(arch.key, 16)
    metrics = {"accuracy": digits % 1009 / 10.09, "params": digits % 97 + 1.0}
    return Trial(number=number, arch=arch, metrics=metrics, budget=budget)


def search(strategy: Strategy, rounds: int, start: int = 0) -> list[Trial]:
    """Ask and tell in turn."""
    trials = []
    for number in range(start, start + rounds):
        trials.append(finished_trial(number, strategy.ask()))
        strategy.tell(trials[-1])
    return trials
