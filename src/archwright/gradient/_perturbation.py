"""The option whose removal hurts most: DARTS-PT."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, final

import numpy as np
import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._derivation import Derivation, Session, answer, ranked
from archwright.gradient._relaxed import Relaxed, Selection, options_of
from archwright.space import Arch
from archwright.supernet import Paths

Quality = Callable[[Selection], float]


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Perturbation(Derivation):
    """The option whose removal hurts most (Wang et al. 2021, DARTS-PT, algorithm 1; its topology step as in
    the official code).

    Edges are decided one by one in random order: of each option the mixture is judged without it, the others' weights
    unchanged, and the option stays without which it is worst; the mixture trains on in between. Then of every node with
    many inputs the edge leaves whose removal hurts least, again and again, until as many are left as the space keeps.

    Cells of different types are decided side by side, one edge of each at a time. A type is what stands before the
    first dot of a variable's name.

    Args:
        interval: epochs of training between two decisions; fewer if the time budget asks for it.
        criterion: what is compared, `"accuracy"` or `"loss"`.
        samples: of the architecture's data that a mixture is judged on; None means all. Fewer, too, if the time budget
            asks for it, but at least a batch.

    Raises:
        UserError: a setting out of range.
    """

    interval: int = 5
    criterion: Literal["accuracy", "loss"] = "accuracy"
    samples: int | None = None

    def __post_init__(self) -> None:
        if self.interval < 1 or self.criterion not in ("accuracy", "loss"):
            raise UserError(f"Perturbation needs interval >= 1 and criterion accuracy or loss, got {self}")
        if self.samples is not None and self.samples < 1:
            raise UserError(f"samples must be at least 1, got {self.samples}")

    def __call__(self, relaxed: Relaxed, session: Session) -> Arch:
        rounds = self._rounds(relaxed)
        epochs = session.affordable(self.interval * (len(rounds) - 1) + 1)
        known = (self.samples, session.affordable_samples(self._judgements(relaxed)))
        samples = min((n for n in known if n is not None), default=None)

        def quality(selection: Selection) -> float:
            found = session.judge(selection, samples=samples)
            return found["accuracy"] if self.criterion == "accuracy" else -found["loss"]

        def decide(epoch: int) -> None:
            due = len(rounds) if epoch >= epochs else 1 + int(epoch * (len(rounds) - 1) / max(epochs - 1, 1))
            for name in [n for names in rounds[:due] for n in names if n not in relaxed.fixed]:
                if name in relaxed.open:
                    self._wire(relaxed, name, quality)
                else:
                    self._decide(relaxed, name, quality)

        session.tune(epochs, "perturbation", decide)
        return answer(relaxed, session, ranked(relaxed))

    def _judgements(self, relaxed: Relaxed) -> int:
        """How many mixtures all decisions look at."""
        operations = sum(len(relaxed.alive(name)) for name in relaxed.names)
        for name in relaxed.open:
            options = relaxed.wiring.kept[name]
            edges, kept = len({edge for option in options for edge in option}), max(map(len, options))
            operations += sum(range(kept + 1, edges + 1))
        return operations

    def _rounds(self, relaxed: Relaxed) -> list[list[str]]:
        """What is decided together: one variable of each cell type, operations before wiring, in random order."""
        rng = np.random.default_rng(relaxed.seed)
        rounds: list[list[str]] = []
        for names in (relaxed.names, list(relaxed.open)):
            types: dict[str, list[str]] = {}
            for name in names:
                types.setdefault(name.split(".", 1)[0] if "." in name else "", []).append(name)
            queues = [[queue[i] for i in rng.permutation(len(queue))] for queue in types.values()]
            longest = max((len(queue) for queue in queues), default=0)
            rounds += [[queue[n] for queue in queues if n < len(queue)] for n in range(longest)]
        return rounds

    def _decide(self, relaxed: Relaxed, name: str, quality: Quality) -> None:
        """Keep the option without which the mixture is worst."""
        alive, base = relaxed.alive(name), relaxed.mean()
        options = relaxed.variables[name].options
        if len(alive) > 1:
            left = [quality({**base, name: removed(base[name], i)}) for i in alive]
            relaxed.fixed[name] = options[alive[int(np.argmin(left))]]
        else:
            relaxed.fixed[name] = options[alive[0]]

    def _wire(self, relaxed: Relaxed, name: str, quality: Quality) -> None:
        """Cut the edge into a node that is missed least, until an option of the input choice is left."""
        options = relaxed.wiring.kept[name]
        edges = sorted({edge for option in options for edge in option})
        while len(edges) > max(len(option) for option in options):
            left = []
            for edge in edges:
                rest = relaxed.wiring.keeping(name, [e for e in edges if e != edge])
                left.append(quality({**relaxed.mean(), name: rest}))
            edges.pop(int(np.argmax(left)))
            relaxed.open[name] = relaxed.wiring.keeping(name, edges)
        place = next(n for n, option in enumerate(options) if set(option) == set(edges))
        relaxed.fixed[name] = options_of(relaxed.net.space, name)[place]


def removed(decision: Any, option: int) -> Any:
    """A mixture with the weight of one option set to zero and the others as they are (no renormalisation)."""
    if isinstance(decision, Paths):
        return Paths(decision.indices, decision.weights * _others(decision.indices, option, decision.weights))
    assert isinstance(decision, Tensor)
    return decision * _others(range(len(decision)), option, decision)


def _others(indices: Any, option: int, like: Tensor) -> Tensor:
    return torch.tensor([float(i != option) for i in indices], device=like.device, dtype=like.dtype)
