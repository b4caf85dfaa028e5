"""The fifth slot: from a trained mixture to one architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from archwright.errors import Infeasible, UserError
from archwright.gradient._relaxed import Relaxed, options_of
from archwright.space import Arch

Feasible = Callable[[Arch], bool]
_TRIES = 2000


class Session(Protocol):
    """What a derivation may ask of the search."""

    feasible: Feasible | None
    """Whether an architecture keeps the limits; None if there are none."""

    def judge(self, selection: Mapping[str, Any], *, samples: int | None = None) -> dict[str, float]:
        """`accuracy` in percent and `loss` of the mixture on the architecture's data (`samples` of it, the same each
        time), batch statistics, no change."""

    def affordable(self, epochs: int) -> int:
        """How many of the epochs that are asked for the time budget allows, at least 1."""

    def affordable_samples(self, judgements: int) -> int | None:
        """How many samples each of so many judgements may look at within the time budget, at least a batch; None: there
        is no budget."""

    def tune(self, epochs: int, name: str, decide: Callable[[int], None]) -> None:
        """Train on as in the search, with a tenth of its learning rate, for `epochs`; `decide(epochs done)` is called
        before the first and after every one. What it decided, in `Relaxed.fixed`, survives a restart."""


class Derivation(ABC):
    """Reads the answer off a search."""

    @abstractmethod
    def __call__(self, relaxed: Relaxed, session: Session) -> Arch:
        """The architecture.

        Raises:
            Infeasible: none that was looked at keeps the limits.
        """


def ranked(relaxed: Relaxed) -> dict[str, dict[Any, float]]:
    """Variable to option to probability, of the options that are left; a zero that competes has its share but no
    entry."""
    found = {}
    for name, p in relaxed.probabilities().items():
        options = [relaxed.variables[name].options[i] for i in relaxed.alive(name)]
        found[name] = dict(zip(options, p.tolist()))
    return found


def assembled(relaxed: Relaxed, scores: Mapping[str, Mapping[Any, float]]) -> dict[str, Any]:
    """The best option of every variable; of input choices that have no parameters, the strongest edges.

    The strength of an edge is its best score; an input choice takes the option whose edges are strongest in sum, which
    for pairs are the two strongest (Liu et al. 2019, section 2.4).
    """
    values: dict[str, Any] = {v.name: options_of(relaxed.net.space, v.name)[0] for v in relaxed.net.space.variables}
    values |= {name: max(options, key=options.__getitem__) for name, options in scores.items()}
    strength = {name: max(options.values()) for name, options in scores.items()}
    for name in relaxed.open:
        if name in relaxed.fixed:
            values[name] = relaxed.fixed[name]
            continue
        kept = relaxed.wiring.kept[name]
        sums = [sum(strength.get(edge, 1.0) for edge in option) for option in kept]
        values[name] = options_of(relaxed.net.space, name)[int(np.argmax(sums))]
    return values


def answer(relaxed: Relaxed, session: Session, scores: Mapping[str, Mapping[Any, float]]) -> Arch:
    """The architecture of the best scores; if a constraint or a limit refuses it, the likeliest of those drawn from the
    scores that all accept.

    Raises:
        Infeasible: none of the 2000 drawn is accepted.
    """
    feasible = session.feasible or (lambda arch: True)
    try:
        first = relaxed.member(assembled(relaxed, scores))
        if feasible(first):
            return first
    except UserError:  # a constraint between variables
        pass
    rng = np.random.default_rng(relaxed.seed)
    found: list[tuple[float, Arch]] = []
    for _ in range(_TRIES):
        drawn, likely = {}, 0.0
        for name, options in scores.items():
            p = np.maximum(np.array(list(options.values())), 1e-6)
            p /= p.sum()
            n = int(rng.choice(len(p), p=p))
            drawn[name], likely = list(options)[n], likely + float(np.log(p[n]))
        picked = {
            name: {option: options[option] if option == drawn[name] else -1.0 for option in options}
            for name, options in scores.items()
        }
        try:
            arch = relaxed.member(assembled(relaxed, picked))
        except UserError:
            continue
        if all(likely > other for other, _ in found) and feasible(arch):
            found.append((likely, arch))
    if not found:
        raise Infeasible(
            f"the search by gradient knows no architecture within the limits: none of {_TRIES} drawn from its "
            "probabilities keeps them; loosen them or search with a black-box strategy such as nsga2"
        )
    return max(found, key=lambda f: f[0])[1]
