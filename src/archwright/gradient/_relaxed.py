"""A supernet with its architecture parameters: what is trained during a search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.gradient._hypergradient import gradient
from archwright.gradient._relaxation import Relaxation
from archwright.gradient._score_function import ScoreFunction
from archwright.gradient._update import Update, Wanted
from archwright.gradient._wiring import Wiring
from archwright.space import Arch, Finite, Space
from archwright.supernet import Paths, Supernet

Inputs = Literal["all", "learned"]
Selection = dict[str, Any]


class Relaxed(nn.Module):
    """A supernet, its architecture parameters and the options that are left.

    The parameters are no `nn.Parameter`: the optimiser of the weights must not move them. They, the state of what moves
    them and the history are in `state_dict()`, so a training checkpoint has them.

    Args:
        net: supernet.
        relaxation: first slot.
        update: third slot.
        inputs: of a cell's node during the search: `"all"` of them, of which a derivation keeps the strongest (DARTS),
            or a relaxed choice of its own (`"learned"`).
        none: whether every edge of a cell has a zero that competes with its options and is never chosen (DARTS); or
            the names of those that have one.
        estimator: second slot if it learns on the way; its state is kept with the rest.
        seed: of the first parameters and of all noise.

    Raises:
        UserError: nothing to search by gradient.
    """

    def __init__(
        self,
        net: Supernet,
        relaxation: Relaxation,
        update: Update,
        *,
        inputs: Inputs = "all",
        none: bool | frozenset[str] = False,
        estimator: ScoreFunction | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.net, self.relaxation, self.update, self.seed = net, relaxation, update, seed
        self.wiring = Wiring.of(net)
        finite = [v for v in net.space.variables if isinstance(v, Finite) and v.count > 1]
        self.open: dict[str, Tensor] = {}
        if inputs == "all":
            weights = {name: self.wiring.everything(name) for name in self.wiring.kept}
            self.open = {name: w for name, w in weights.items() if w is not None}
        self.variables = {v.name: v for v in finite if v.name not in self.open}
        if not self.variables:
            raise UserError(f"{net.space.name or 'the space'} has no choice with two or more options to relax")
        edges = frozenset(self.variables) & self.wiring.edges
        self.zeros = edges if none is True else (none & edges if none else frozenset())
        self.space: Space = net.space
        self.fixed: Selection = {}
        self.progress, self.planned = 0.0, math.inf
        self.batches = self.steps = self.tuned = 0
        self.history: list[dict[str, Any]] = []
        noise = torch.Generator().manual_seed(seed)
        device = next(net.parameters()).device
        self.alphas = [
            relaxation.initial(v.count + (v.name in self.zeros), noise).to(device) for v in self.variables.values()
        ]
        if not relaxation.competing:
            for name, alpha in zip(self.names, self.alphas):
                alpha[self.nothing(name)] = 0.0
        self.mover, self.estimator = update.begin(self.alphas), estimator
        self.mover.attach(net, self.names)

    @property
    def names(self) -> list[str]:
        """The relaxed variables, in the order of `alphas`."""
        return list(self.variables)

    def alive(self, name: str) -> list[int]:
        """Positions of the options of a variable that are left."""
        return [self.variables[name].index(option) for option in options_of(self.space, name)]

    def nothing(self, name: str) -> list[int]:
        """Positions of the options of a variable that add nothing."""
        empty = self.wiring.nothing.get(name, frozenset())
        return [n for n, option in enumerate(self.variables[name].options) if option in empty]

    def forward(self, x: Tensor, selection: Mapping[str, Any] | None = None) -> Tensor:
        """Logits (N, classes) under a selection; the mean mixture if there is none."""
        return self.net(x, self.mean() if selection is None else selection)

    def selection(self, values: Sequence[Tensor], noise: int, *, of: Wanted = "alphas") -> Selection:
        """What the supernet is told, with gradients to `values`.

        Args:
            values: like `alphas`; or with `of="weights"` the weights themselves.
            noise: seed of everything random; equal seeds give equal samples.
        """
        generator = torch.Generator().manual_seed(noise)

        def relaxed(name: str, value: Tensor) -> Tensor | Paths:
            if of == "layers":
                return Paths(tuple(range(len(value))), value, [])
            if of == "weights":
                return value
            return self.relaxation(value, progress=self.progress, generator=generator)

        return self._selected(values, relaxed)

    def path(self, noise: int) -> Selection:
        """What a step of the weights runs; no gradient to the parameters."""
        generator = torch.Generator().manual_seed(noise)

        def relaxed(name: str, value: Tensor) -> Tensor | Paths | int:
            return self.relaxation.path(value, progress=self.progress, generator=generator)

        with torch.no_grad():
            return self._selected(self.alphas, relaxed)

    def mean(self) -> Selection:
        """The mixture without noise."""
        with torch.no_grad():
            return self._selected(self.alphas, lambda name, value: self.relaxation.mean(value, progress=self.progress))

    def weights(self, noise: int) -> list[Tensor]:
        """What the relaxation makes of `alphas`, dense over the options that are left (zero option last), as leaves."""
        generator = torch.Generator().manual_seed(noise)
        out = []
        for name, alpha in zip(self.names, self.alphas):
            value = alpha[self.places(name)]
            found = self.relaxation(value, progress=self.progress, generator=generator)
            dense = found.dense(len(value)) if isinstance(found, Paths) else found
            whole = torch.zeros_like(alpha)
            whole[self.places(name)] = dense.detach()
            out.append(whole.requires_grad_())
        return out

    def places(self, name: str) -> list[int]:
        """Positions in a variable's parameters that compete: the options that are left and the zero."""
        alive = self.alive(name)
        return [*alive, self.variables[name].count] if name in self.zeros else alive

    def _selected(self, values: Sequence[Tensor], relaxed: Any) -> Selection:
        chosen: Selection = {name: self.fixed.get(name, weights) for name, weights in self.open.items()}
        for name, value in zip(self.names, values):
            alive, places = self.alive(name), self.places(name)
            variable = self.variables[name]
            if name in self.fixed:
                chosen[name] = self.fixed[name]
            elif len(places) == 1:
                chosen[name] = variable.options[alive[0]]
            else:
                whole = len(places) == len(value)
                chosen[name] = self._placed(relaxed(name, value if whole else value[places]), alive, variable)
        return chosen

    def _placed(self, found: Tensor | Paths | int, alive: list[int], variable: Any) -> Any:
        """Weights over what competes as a decision about the variable."""
        if isinstance(found, int):  # the zero option runs the first one times zero, for the shape
            return variable.options[alive[found]] if found < len(alive) else Paths((alive[0],), torch.zeros(1))
        if isinstance(found, Paths):
            real = [n for n, i in enumerate(found.indices) if i < len(alive)]
            if not real:
                return Paths((alive[0],), found.weights[:1] * 0.0)
            weights = found.weights if len(real) == len(found.indices) else found.weights[real]
            return Paths(tuple(alive[found.indices[n]] for n in real), weights, found.uses)
        kept = found[: len(alive)]
        return kept if len(alive) == variable.count else Paths(tuple(alive), kept)

    def by_layers(self, selection: Mapping[str, Any], loss: Tensor) -> list[Tensor]:
        """Gradients of a loss by the weights in every layer that read them, one (layers, n) a variable, n as in
        `alphas`; `selection` is what `selection(..., of="layers")` gave and the loss was computed with."""
        uses = {n: p.uses for n, p in selection.items() if isinstance(p, Paths) and p.uses is not None}
        flat = [u for used in uses.values() for u in used]
        found = iter(gradient(loss, flat))
        out = []
        for name, alpha in zip(self.names, self.alphas):
            whole = alpha.new_zeros(max(1, len(uses.get(name, ()))), len(alpha))
            for row, _ in enumerate(uses.get(name, ())):
                whole[row, list(selection[name].indices)] = next(found)
            out.append(whole)
        return out

    def competing(self) -> list[Tensor]:
        """The parameters of the options that are left [+ zero], variable by variable."""
        return [alpha[self.places(name)] for name, alpha in zip(self.names, self.alphas)]

    def spread(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Tensors like `competing()` as tensors like `alphas`, zero elsewhere, with gradients."""
        out = []
        for name, alpha, value in zip(self.names, self.alphas, values):
            places = torch.tensor(self.places(name), device=value.device)
            out.append(value.new_zeros(alpha.shape).index_put((places,), value))
        return out

    def probabilities(self) -> dict[str, Tensor]:
        """Variable to (options left [+ zero],) probabilities; one-hot where the search has decided."""
        with torch.no_grad():
            return {
                name: self._decided(name)
                if name in self.fixed
                else self.relaxation.probabilities(alpha[self.places(name)], progress=self.progress).float().cpu()
                for name, alpha in zip(self.names, self.alphas)
            }

    def _decided(self, name: str) -> Tensor:
        chosen = self.variables[name].index(self.fixed[name])
        return torch.tensor([float(place == chosen) for place in self.places(name)])

    def shares(self, values: Sequence[Tensor], *, of: Wanted = "alphas") -> dict[str, Tensor]:
        """Variable to (options,) probabilities over all its options, with gradients to `values`; a zero that competes
        has its share but no entry."""
        out = {}
        for name, value in zip(self.names, values):
            variable, places = self.variables[name], self.places(name)
            if of == "alphas":
                dense = value.new_zeros(len(value))
                found = self.relaxation.probabilities(value[places], progress=self.progress)
                value = dense.index_put((torch.tensor(places, device=value.device),), found)
            out[name] = value[: variable.count]
        return out

    def restrict(self, space: Space) -> None:
        """Go on in a part of the space; weights and parameters stay."""
        self.space = space

    def record(self, **facts: Any) -> dict[str, Any]:
        """Add the present probabilities, by option, and `facts` to the history."""
        found = {}
        for name, p in self.probabilities().items():
            options = [str(self.variables[name].options[i]) for i in self.alive(name)]
            found[name] = {o: round(v, 5) for o, v in zip([*options, "(none)"], p.tolist())}
        self.history.append({"progress": round(self.progress, 5), "probabilities": found, **facts})
        return self.history[-1]

    def get_extra_state(self) -> dict[str, Any]:
        """Everything about the architecture that a checkpoint needs."""
        return {
            "alphas": [a.detach() for a in self.alphas],
            "alive": {name: self.alive(name) for name in self.names},
            "mover": self.mover.state_dict(),
            "estimator": {} if self.estimator is None else self.estimator.state_dict(),
            "progress": [self.progress, self.planned],
            "counts": [self.batches, self.steps, self.tuned],
            "history": self.history,
            "fixed": dict(self.fixed),
            "open": dict(self.open),
        }

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `get_extra_state` gave."""
        with torch.no_grad():
            for alpha, stored in zip(self.alphas, state["alphas"], strict=True):
                alpha.copy_(stored)
        self.mover.load_state_dict(state["mover"])
        if self.estimator is not None:
            self.estimator.load_state_dict(state["estimator"])
        self.progress, self.planned = state["progress"]
        self.batches, self.steps, self.tuned = state["counts"]
        self.history, self.fixed, self.open = list(state["history"]), dict(state["fixed"]), dict(state["open"])
        kept = {n: [self.variables[n].options[i] for i in left] for n, left in state["alive"].items()}
        fewer = {n: options for n, options in kept.items() if len(options) < self.variables[n].count}
        self.space = self.net.space.restrict(fewer) if fewer else self.net.space

    def member(self, values: Mapping[str, Any]) -> Arch:
        """The architecture of one option for every variable, without those that are not active.

        Raises:
            UserError: a constraint of the space refuses it.
        """
        return self.net.space.arch({name: values[name] for name in self.net.space.active(values)})


def options_of(space: Space, name: str) -> tuple[Any, ...]:
    """The options of a finite variable."""
    variable = space[name]
    assert isinstance(variable, Finite)
    return variable.options
