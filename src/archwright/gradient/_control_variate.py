"""Score-function estimators with a learned control variate: what REBAR and RELAX share."""

from __future__ import annotations

import copy
import dataclasses
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._draws import Batched, Draws, batched
from archwright.gradient._score_function import Sampled, ScoreFunction


@dataclasses.dataclass(frozen=True)
class Estimates:
    """Single-sample gradients.

    Args:
        draws: samples they are of.
        losses: (samples,) of the architectures drawn.
        gradients: (samples, variables, options), a function of the control variate's parameters.
    """

    draws: Draws
    losses: Tensor
    gradients: Tensor


class ControlVariate(ScoreFunction):
    """[f(b) - c(z~)] d ln p(b) + d c(z) - d c(z~), all by the logits; z relaxed with b = argmax z and z~ ~ p(z | b)
    (Grathwohl et al. 2018, equation 7). It has no bias whatever c is.

    After every estimate the parameters of c take a step of Adam against the variance: d/d phi of the mean over samples
    of |g|^2, exact through the derivatives in g, as E g does not depend on phi (same, section 3.2).

    Attributes:
        parameters: of c by name; empty before the first call.
    """

    def __init__(self, *, samples: int, lr: float) -> None:
        if samples < 1 or lr < 0:
            raise UserError(f"{type(self).__name__} needs samples >= 1 and lr >= 0, got {samples} and {lr}")
        self.samples, self.lr = samples, lr
        self.parameters: dict[str, Tensor] = {}
        self._counts: tuple[int, ...] = ()
        self._optimizer: torch.optim.Adam | None = None

    @abstractmethod
    def _initial(self, counts: Sequence[int], like: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """First parameters for variables with `counts` options."""

    @abstractmethod
    def _control(self, losses: Batched, draws: Draws, z: Tensor) -> Tensor:
        """(samples,) c(z), z (samples, variables, options)."""

    def _share(self) -> Tensor | float:
        """What c is multiplied by in the gradient of each variable: (variables, 1), or one for all."""
        return 1.0

    def _bounded(self) -> None:
        """Called without gradients after every step of the parameters."""

    def _first(self, losses: Tensor) -> None:
        """Told the (samples,) losses of the first call, after its estimate."""

    def __call__(self, loss: Sampled, logits: Sequence[Tensor], *, generator: torch.Generator) -> list[Tensor]:
        started = self._optimizer is not None
        self._start(logits, generator)
        found = self.estimates(batched(loss, self.samples), logits, samples=self.samples, generator=generator)
        if self.lr:
            self._learn(found.gradients)
            if not started:
                with torch.no_grad():
                    self._first(found.losses)
        return found.draws.split(found.gradients.detach().mean(0))

    def each(
        self, losses: Batched, logits: Sequence[Tensor], *, samples: int, generator: torch.Generator
    ) -> list[Tensor]:
        """What single samples give, (samples, n_i) a variable; nothing is learnt.

        Args:
            losses: from one (samples, n_i) tensor a variable to (samples,).
            logits: (n_i,) a variable.
            samples: how many.
            generator: of the samples.
        """
        self._start(logits, generator)
        found = self.estimates(losses, logits, samples=samples, generator=generator, learn=False)
        return found.draws.split(found.gradients.detach())

    def estimates(
        self,
        losses: Batched,
        logits: Sequence[Tensor],
        *,
        samples: int,
        generator: torch.Generator,
        learn: bool | None = None,
    ) -> Estimates:
        """Single-sample gradients, with a graph to the parameters of c if they learn."""
        learn = self.lr > 0 if learn is None else learn
        self._start(logits, generator)
        draws = Draws.of(logits, samples, generator)
        with torch.no_grad():
            value = losses(draws.split(draws.one_hot))
        with torch.enable_grad():
            given = draws.conditional(generator)
            control, conditional = self._control(losses, draws, draws.z), self._control(losses, draws, given)
            (slope,) = torch.autograd.grad((control - conditional).sum(), draws.theta, create_graph=learn)
            baseline = conditional if learn else conditional.detach()
            share = self._share()
            gradients = (value[:, None, None] - share * baseline[:, None, None]) * draws.score + share * slope
        return Estimates(draws, value, gradients)

    def variance_gradient(self, gradients: Tensor) -> list[Tensor]:
        """d/d phi of the mean over samples of |g|^2, one tensor a parameter; mean of squares, not square of means."""
        loss = gradients.square().sum((1, 2)).mean()
        found = torch.autograd.grad(loss, list(self.parameters.values()), allow_unused=True)
        return [torch.zeros_like(p) if g is None else g for p, g in zip(self.parameters.values(), found)]

    def _start(self, logits: Sequence[Tensor], generator: torch.Generator) -> None:
        counts = tuple(len(v) for v in logits)
        if counts != self._counts:
            self._adopt(self._initial(counts, logits[0], generator), counts)

    def _adopt(self, parameters: Mapping[str, Tensor], counts: Sequence[int]) -> None:
        self.parameters = {n: p.detach().clone().requires_grad_() for n, p in parameters.items()}
        self._counts = tuple(counts)
        self._optimizer = torch.optim.Adam(list(self.parameters.values()), lr=self.lr)

    def _learn(self, gradients: Tensor) -> None:
        assert self._optimizer is not None
        for parameter, gradient in zip(self.parameters.values(), self.variance_gradient(gradients)):
            parameter.grad = gradient
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            self._bounded()

    def state_dict(self) -> dict[str, Any]:
        return {
            "counts": list(self._counts),
            "parameters": {n: p.detach() for n, p in self.parameters.items()},
            "optimizer": {} if self._optimizer is None else self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if not state["counts"]:
            self.parameters, self._counts, self._optimizer = {}, (), None
            return
        self._adopt(state["parameters"], state["counts"])
        assert self._optimizer is not None
        self._optimizer.load_state_dict(copy.deepcopy(dict(state["optimizer"])))
