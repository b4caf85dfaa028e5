"""Automatic relevance of switches: BayesNAS."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, final, get_args

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.gradient._curvature import Logits, gauss_newton_diagonal, hutchinson_diagonal
from archwright.gradient._update import Mover, Update

Curvature = Literal["gauss-newton", "hutchinson"]
FLOOR = 1e-6  # variance of a switch that is off
_CEILING = 1e3
_MEMORY = 0.5  # part of the curvature that the next look keeps


def relevance(gamma: Tensor, curvature: Tensor) -> Tensor:
    """omega = sqrt(1/gamma - c/gamma^2) with the posterior variance c = 1/(1/gamma + h), as sqrt(h / (1 + gamma h))
    (Zhou, Yang, Wang, Pan 2019, equation 13).

    Args:
        gamma: prior variances, at least 0.
        curvature: h, at least 0, same shape.
    """
    return (curvature / (1.0 + gamma * curvature)).sqrt()


def hierarchical(child: Tensor, parent: Tensor) -> Tensor:
    """1 / (1/child + 1/parent): a switch on an edge that is off is off (same, equation 8)."""
    return child * parent / (child + parent)


def entropy(gamma: Tensor) -> Tensor:
    """Of N(0, gamma) in nats: ln(2 pi e gamma) / 2."""
    return 0.5 * (2 * math.pi * math.e * gamma).log()


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class AutomaticRelevance(Update):
    """Switches w with priors N(0, gamma), the variances inferred by Laplace approximation (Zhou, Yang, Wang, Pan 2019,
    BayesNAS, algorithm 1); for the relaxation `ScalingFactors`.

    A step descends loss + strength * sum omega |w| by proximal gradient with momentum, without weight decay. Every
    `every` steps the diagonal curvature of the loss, divided by the strength, is h; then omega = sqrt(h / (1 + gamma
    h)), gamma = |w| / omega. With the mean of -ln p(y) as the loss, strength 1/N is the evidence of N samples; a larger
    one lets fewer switches live. A switch whose gamma reaches the floor of 1e-6, or that the loss did not depend on
    since the last time, stays off; the best of a variable is never locked. Layers that share a variable share its
    switches.

    Args:
        lr: > 0.
        momentum: in [0, 1).
        strength: lambda of the options' switches, > 0.
        edges: whether every variable has one more switch, on all its options together, its own variance combined with
            theirs by `hierarchical`: the zero of an edge. Without a zero to choose, only for edges of cells.
        edge_strength: lambda of those, > 0.
        every: steps between two inferences, at least 1.
        curvature: `"gauss-newton"`, never negative, or `"hutchinson"`, the Hessian's, negative values cut off.
        probes: random vectors for the curvature, at least 1.

    Raises:
        UserError: a setting out of range.
    """

    lr: float = 0.025
    momentum: float = 0.9
    strength: float = 0.01
    edges: bool = True
    edge_strength: float = 0.01
    every: int = 20
    curvature: Curvature = "gauss-newton"
    probes: int = 4

    def __post_init__(self) -> None:
        if min(self.lr, self.strength, self.edge_strength) <= 0 or not 0 <= self.momentum < 1:
            raise UserError(f"AutomaticRelevance needs lr, strengths > 0 and momentum in [0, 1), got {self}")
        if self.every < 1 or self.probes < 1:
            raise UserError(f"every and probes must be at least 1, got {self.every} and {self.probes}")
        if self.curvature not in get_args(Curvature):
            raise UserError(f"curvature must be one of {', '.join(get_args(Curvature))}, got {self.curvature!r}")

    def begin(self, alphas: Sequence[Tensor]) -> RelevanceMover:
        return RelevanceMover(self, alphas)


@final
class RelevanceMover(Mover):
    """Switches and their variances at work.

    Attributes:
        gamma: (n_i,) variances of a variable's options, combined with its edge's.
        edge_gamma: (variables,) variances of the edges' switches; infinite without them.
    """

    def __init__(self, settings: AutomaticRelevance, alphas: Sequence[Tensor]) -> None:
        self._settings, self._alphas = settings, list(alphas)
        one = torch.ones(len(self._alphas)).to(self._alphas[0])
        self._switches = _Switches([*(a.detach().clone() for a in alphas), one], settings)
        self.gamma = [torch.ones_like(a) for a in alphas]
        self.edge_gamma = one.clone() if settings.edges else torch.full_like(one, math.inf)
        self._heard = [torch.zeros_like(a) for a in alphas]
        self._curved: list[Tensor] = []
        self._steps = 0

    def _values(self, switches: Sequence[Tensor]) -> list[Tensor]:
        *options, edges = switches
        return [edge * option for option, edge in zip(options, edges)]

    def look(self, logits: Logits, loss: Callable[[Sequence[Tensor]], Tensor]) -> None:
        settings = self._settings
        if (self._steps + 1) % settings.every:
            return
        generator = torch.Generator().manual_seed(self._steps)
        at, probes = self._switches.values, settings.probes
        with torch.enable_grad():
            if settings.curvature == "gauss-newton":
                found = gauss_newton_diagonal(lambda s: logits(self._values(s)), at, probes=probes, generator=generator)
            else:
                found = hutchinson_diagonal(lambda s: loss(self._values(s)), at, probes=probes, generator=generator)
        old = self._curved or found
        self._curved = [_MEMORY * o + (1 - _MEMORY) * f for o, f in zip(old, found)]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        *options, edges = self._switches.values
        slopes = [g.to(a) for g, a in zip(gradients, self._alphas)]
        for heard, slope in zip(self._heard, slopes):
            heard.logical_or_(slope != 0)
        whole = torch.stack([(option * g).sum() for option, g in zip(options, slopes)])
        self._switches.descend([*(edge * g for edge, g in zip(edges, slopes)), whole])
        self._steps += 1
        if self._steps % self._settings.every == 0:
            self._infer()
        for alpha, value in zip(self._alphas, self._values(self._switches.values)):
            alpha.copy_(value)

    def _infer(self) -> None:
        if not self._curved:
            raise UserError("AutomaticRelevance needs the curvature of a mixture: take FirstOrder or SingleLevel")
        settings, switches = self._settings, self._switches
        if settings.edges:
            self.edge_gamma = switches.variance(-1, self._curved[-1] / settings.edge_strength, self.edge_gamma)
        for i, (gamma, heard) in enumerate(zip(self.gamma, self._heard)):
            own = switches.variance(i, self._curved[i] / settings.strength, gamma)
            own = torch.where(heard > 0, own, FLOOR)
            edge = self.edge_gamma[i]
            self.gamma[i] = (hierarchical(own, edge) if settings.edges else own).clamp_min(FLOOR)
            off = self.gamma[i] <= FLOOR
            off[self.gamma[i].argmax()] = False
            switches.lock(i, off)
            heard.zero_()

    def state_dict(self) -> dict[str, Any]:
        return {
            "switches": self._switches.state(),
            "gamma": self.gamma,
            "edge_gamma": self.edge_gamma,
            "heard": self._heard,
            "curved": self._curved,
            "steps": self._steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._switches.restore(state["switches"])
        self.gamma, self._heard = [[t.clone() for t in state[key]] for key in ("gamma", "heard")]
        self.edge_gamma, self._curved = state["edge_gamma"].clone(), list(state["curved"])
        self._steps = state["steps"]


class _Switches:
    """(n_i,) switches of every variable's options and, last, (variables,) of the edges."""

    def __init__(self, values: list[Tensor], settings: AutomaticRelevance) -> None:
        self.values, self._settings = values, settings
        self._velocity = [torch.zeros_like(v) for v in values]
        self._omega = [torch.ones_like(v) for v in values]
        self._live = [torch.ones_like(v) for v in values]

    def descend(self, slopes: Sequence[Tensor]) -> None:
        """Momentum, then the shrinkage that has its fixed point where slope = -strength omega sign(w)."""
        settings, last = self._settings, len(self.values) - 1
        for i, (value, velocity, slope) in enumerate(zip(self.values, self._velocity, slopes)):
            if i == last and not settings.edges:
                continue
            velocity.mul_(settings.momentum).add_(slope)
            strength = settings.edge_strength if i == last else settings.strength
            threshold = settings.lr * strength * self._omega[i] / (1.0 - settings.momentum)
            moved = value - settings.lr * velocity
            value.copy_(moved.sign() * (moved.abs() - threshold).clamp_min(0.0) * self._live[i])

    def variance(self, i: int, curvature: Tensor, gamma: Tensor) -> Tensor:
        """New gamma of some switches, and their omega for the steps to come."""
        omega = relevance(gamma, curvature.clamp_min(0.0))
        self._omega[i] = omega
        return (self.values[i].abs() / omega.clamp_min(FLOOR)).clamp(FLOOR, _CEILING)

    def lock(self, i: int, off: Tensor) -> None:
        """Some switches stay off from now on."""
        self._live[i] = self._live[i].masked_fill(off, 0.0)
        self.values[i].mul_(self._live[i])
        self._velocity[i].mul_(self._live[i])

    def state(self) -> dict[str, Any]:
        return {"values": self.values, "velocity": self._velocity, "omega": self._omega, "live": self._live}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.values, self._velocity, self._omega, self._live = (
            [t.clone() for t in state[key]] for key in ("values", "velocity", "omega", "live")
        )
