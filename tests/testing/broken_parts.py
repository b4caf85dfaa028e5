"""Parts with one deliberate mistake each, and the rules of their contract that must notice."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import networkx as nx
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright import cost, data
from archwright.estimate import Estimator
from archwright.search import Strategy
from archwright.space import Arch, Choice, Ordinal, Space
from archwright.supernet import ElasticBatchNorm2d, ElasticConv2d, ElasticLinear, OneOf, Supernet
from archwright.trial import Report, Trial

# spaces ---------------------------------------------------------------------------------------------------------------

VARIABLES = (Choice("op", ("a", "b", "c")), Ordinal("width", (2, 4, 8)))


def narrower(arch: Arch) -> Arch:
    """Not its own canonical form."""
    return arch.replace({"width": max(2, arch["width"] // 2)})


def cyclic(arch: Arch) -> nx.DiGraph:
    return nx.DiGraph([("x", "y"), ("y", "x")])


SPACES: dict[str, tuple[Callable[[], Space], set[str]]] = {
    "canonical form that is not stable": (
        lambda: Space(VARIABLES, canonical=narrower),
        {"the_canonical_form_is_a_member_and_its_own_canonical_form", "json_round_trip"},
    ),
    "graph with a cycle and without labels": (
        lambda: Space(VARIABLES, graph=cyclic),
        {"graphs_are_acyclic_and_labelled", "json_round_trip"},
    ),
    "constraint that cannot be stored": (
        lambda: Space(VARIABLES, where=lambda arch: arch["width"] < 8),
        {"json_round_trip"},
    ),
    "constraint that changes its mind": (
        lambda: Space(VARIABLES, where=Moody()),
        {"samples_are_members", "json_round_trip"},
    ),
}


class Moody:
    def __init__(self) -> None:
        self.calls = itertools.count()

    def __call__(self, arch: Mapping[str, Any]) -> bool:
        return next(self.calls) % 3 < 2


# supernets ------------------------------------------------------------------------------------------------------------


class Sloppy(nn.Module):
    """A correct little supernet; subclasses add one mistake."""

    def __init__(self) -> None:
        super().__init__()
        width = Ordinal("width", (4, 8))
        self.conv = ElasticConv2d(2, width, 3)
        self.norm = ElasticBatchNorm2d(width)
        self.act = OneOf("act", {"relu": nn.ReLU(), "tanh": nn.Tanh()})
        self.head = ElasticLinear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.norm(self.conv(x))).mean((2, 3)))


class Remembers(Sloppy):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x) + self.calls


class PaddingSensitive(Sloppy):
    """Statistics over the channel axis: zero padding under relaxation changes them."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.head((x / (x.std(1, keepdim=True) + 1e-3)).mean((2, 3)))


class MixesBatch(Sloppy):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0, keepdim=True))


class IgnoresChoice(Sloppy):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.norm(self.conv(x))).mean((2, 3)))


class KeepsItsWeights(nn.Linear):
    def reset_parameters(self) -> None:
        pass


class NeverFresh(Sloppy):
    def __init__(self) -> None:
        super().__init__()
        self.extra = KeepsItsWeights(3, 3)
        nn.init.normal_(self.extra.weight)
        nn.init.normal_(self.extra.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.extra(super().forward(x))


NOTHING_BEHIND = "a_forward_leaves_nothing_behind"
AGREE = "concrete_relaxed_sliced_and_extracted_agree"
SUPERNETS: dict[type[Sloppy], set[str]] = {
    Sloppy: set(),
    Remembers: {AGREE, NOTHING_BEHIND},
    PaddingSensitive: {
        AGREE,
        "a_part_of_the_variables_may_be_relaxed",
        "every_relaxed_variable_gets_a_finite_gradient",
    },
    MixesBatch: {"inputs_of_a_batch_do_not_mix"},
    IgnoresChoice: {"every_relaxed_variable_gets_a_finite_gradient"},
    NeverFresh: {"fresh_networks_have_new_weights_of_the_same_shapes"},
}


def small(kind: type[Sloppy]) -> Supernet:
    return Supernet(kind(), input_shape=(2, 6, 6))


# strategies -----------------------------------------------------------------------------------------------------------


class Outside(Strategy):
    """Proposes what is not in the space."""

    def _propose(self, rng: np.random.Generator) -> Arch:
        return Arch({"colour": "red"})

    def _observe(self, trial: Trial) -> None:
        pass


class OwnState(Outside):
    """Keeps random state of its own, so a continued run goes another way."""

    def __init__(self, space: Space, **settings: Any) -> None:
        super().__init__(space, **settings)
        self._rng = np.random.default_rng(self.seed)

    def _propose(self, rng: np.random.Generator) -> Arch:
        return self.space.sample(self._rng)


class GlobalState(Outside):
    def _propose(self, rng: np.random.Generator) -> Arch:
        return self.space.sample(np.random.default_rng(random.getrandbits(32)))


class NeedsMetrics(Outside):
    def _propose(self, rng: np.random.Generator) -> Arch:
        return self.space.sample(rng)

    def _observe(self, trial: Trial) -> None:
        trial.metrics["accuracy"]


class UnstorableSettings(NeedsMetrics):
    @property
    def settings(self) -> dict[str, Any]:
        return {"space": self.space}

    def _observe(self, trial: Trial) -> None:
        pass


CONTINUES = "a_new_instance_that_is_told_the_finished_trials_goes_on_the_same"
STRATEGIES: dict[type[Outside], set[str]] = {
    Outside: {"proposals_are_members", "trials_of_every_state_can_be_told"},
    OwnState: {CONTINUES, "batches_continue_too"},
    GlobalState: {"proposals_follow_the_seed", CONTINUES, "global_random_numbers_are_left_alone"},
    NeedsMetrics: {"trials_of_every_state_can_be_told"},
    UnstorableSettings: {"settings_can_be_stored"},
}


# estimators -----------------------------------------------------------------------------------------------------------


class Honest(Estimator):
    source = "function"

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        for step in range(3):
            yield Report(step=step, metrics={"accuracy": int(arch.key, 16) % 97 + step + seed})


class Nameless(Honest):
    source = ""


class Unlucky(Honest):
    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        yield Report(step=0, metrics={"accuracy": float("nan")})


class Silent(Honest):
    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        return iter(())


class Forgetful(Honest):
    """The seed is not used: torch's own generator is."""

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        yield Report(step=0, metrics={"accuracy": torch.rand(()).item()})


class Drifting(Honest):
    """Every evaluation changes the next."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        self.seen.add(arch.key)
        yield Report(step=0, metrics={"accuracy": float(len(self.seen))})


ESTIMATORS: dict[type[Honest], set[str]] = {
    Honest: set(),
    Nameless: {"the_source_says_what_kind_of_number_it_is"},
    Unlucky: {"reports_are_finite_numbers_in_order"},
    Silent: {"reports_are_finite_numbers_in_order", "budget_and_seed_have_defaults"},
    Forgetful: {"the_same_seed_gives_the_same_reports", "global_random_numbers_are_left_alone"},
    Drifting: {"what_was_evaluated_before_does_not_matter"},
}


# costs ----------------------------------------------------------------------------------------------------------------


def constant(module: nn.Module, x: Tensor) -> float:
    return 1.0


def negative(module: nn.Module, x: Tensor) -> float:
    return -cost.params(module)


def switches_mode(module: nn.Module, x: Tensor) -> int:
    return cost.flops(module.eval(), x)


def runs_in_place(module: nn.Module, x: Tensor) -> int:
    module(x)
    return cost.params(module)


def freezes(module: nn.Module, x: Tensor) -> int:
    module.requires_grad_(False)
    return cost.params(module)


def counts_dropout(module: nn.Module, x: Tensor) -> int:
    return cost.params(module) + module.training


LEFT = "the_network_is_left_as_it_was"
COSTS: dict[Callable[[nn.Module, Tensor], float], set[str]] = {
    constant: {"a_wider_network_costs_more"},
    negative: {"it_is_a_positive_number"},
    switches_mode: {LEFT},
    runs_in_place: {LEFT},
    freezes: {LEFT, "networks_stay_trainable"},
    counts_dropout: {"it_is_the_same_again_and_in_both_modes"},
}


# data sets ------------------------------------------------------------------------------------------------------------


def rows(**changes: Any) -> data.Splits:
    """Sound rows of three classes, with some fields replaced."""
    x = np.random.default_rng(0).normal(3.0, 2.0, (90, 4)).astype(np.float32)
    return dataclasses.replace(data.load((x, np.arange(90) % 3)), **changes)


def leaking() -> data.Splits:
    """The validation part is a part of the training part."""
    sound = rows()
    partition = dataclasses.replace(sound.partition, valid=sound.partition.train[: len(sound.valid)])
    return rows(partition=partition)


def peeking() -> data.Splits:
    """Statistics that are not those of the training part."""
    sound = rows()
    return rows(mean=sound.mean + 1.0)


def one_class() -> data.Splits:
    sound = rows()
    return rows(train=dataclasses.replace(sound.train, y=torch.zeros_like(sound.train.y)))


def unnamed() -> data.Splits:
    return rows(classes=("one", "two"))


DATASETS: dict[Callable[[], data.Splits], set[str]] = {
    rows: set(),
    leaking: {"no_sample_is_in_two_parts"},
    peeking: {"statistics_are_those_of_the_training_part", "batches_are_normalised_with_them"},
    one_class: {"every_class_can_be_learned"},
    unnamed: {"labels_are_positions_in_the_list_of_classes"},
}
