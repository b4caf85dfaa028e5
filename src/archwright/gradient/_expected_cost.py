"""Expected cost of the mixture, in the architecture's loss."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.space import Arch, Finite, Space

Costs = Callable[[Arch], Mapping[str, float]]


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class ExpectedCost:
    """E[cost] = c_0 + sum over variables and options of p * c (Cai, Zhu, Han 2019, ProxylessNAS, equation 3).

    The contributions c of the options are fitted by least squares to the costs of random architectures, which is exact
    where every operation has its own cost.

    Args:
        metric: cost that is expected, as `"flops"` or `"predicted_latency_ms"`.
        weight: at least 0. With `"ratio"` the loss becomes loss + weight (E / target - 1); with `"product"` loss *
            weight * (ln E / ln target)^exponent as in the released code.
        target: T, > 0 (> 1 for `"product"`); None takes the mean of the random architectures.
        form: `"ratio"` or `"product"`.
        exponent: beta of the product.
        samples: random architectures to fit; None takes four times the number of options.

    Raises:
        UserError: a setting out of range.
    """

    metric: str = "flops"
    weight: float = 0.1
    target: float | None = None
    form: Literal["ratio", "product"] = "ratio"
    exponent: float = 0.3
    samples: int | None = None

    def __post_init__(self) -> None:
        if self.weight < 0 or (self.target is not None and self.target <= (self.form == "product")):
            raise UserError(f"ExpectedCost needs weight >= 0 and a positive target (above 1 for a product), got {self}")
        if self.form not in ("ratio", "product"):
            raise UserError(f"form must be ratio or product, got {self.form!r}")

    def fit(self, space: Space, costs: Costs, *, seed: int = 0) -> Expectation:
        """The contributions of the options.

        Raises:
            UserError: the costs do not have the metric.
        """
        finite = [v for v in space.variables if isinstance(v, Finite)]
        places: dict[tuple[str, object], int] = {}
        for variable in finite:
            places |= {(variable.name, option): len(places) + n for n, option in enumerate(variable.options)}
        rng = np.random.default_rng(seed)
        drawn = [space.sample(rng) for _ in range(self.samples or 4 * len(places))]
        found = [costs(arch) for arch in drawn]
        if self.metric not in found[0]:
            raise UserError(f"no cost {self.metric!r} is known here; there are {sorted(found[0])}")
        rows = np.zeros((len(drawn), len(places) + 1))
        rows[:, -1] = 1.0
        for row, arch in zip(rows, drawn):
            row[[places[item] for item in arch.items() if item in places]] = 1.0
        values = np.array([cost[self.metric] for cost in found])
        solution, *_ = np.linalg.lstsq(rows, values, rcond=None)
        spread = values.var() * len(values)
        explained = 1.0 - float(np.square(values - rows @ solution).sum() / spread) if spread else 1.0
        shares = rows[:, :-1].mean(0)
        contributions = {}
        for variable in finite:
            where = [places[variable.name, option] for option in variable.options]
            active = shares[where].sum()  # how often the variable exists
            contributions[variable.name] = torch.from_numpy(solution[where] * active).float()
        return Expectation(self, contributions, float(solution[-1]), self.target or float(values.mean()), explained)


@final
class Expectation:
    """A fitted expectation; brings the expected cost into a loss.

    Args:
        settings: how it enters the loss.
        contributions: variable to (options,) costs, each times how often the variable exists.
        constant: what every architecture costs.
        target: T.
        explained: R^2 of the fit.
    """

    def __init__(
        self,
        settings: ExpectedCost,
        contributions: Mapping[str, Tensor],
        constant: float,
        target: float,
        explained: float,
    ) -> None:
        self.settings, self.contributions, self.constant = settings, contributions, constant
        self.target, self.explained = target, explained

    def expected(self, shares: Mapping[str, Tensor]) -> Tensor:
        """E[cost] under probabilities (options,) of the variables; those that are not named count by their mean."""
        known = [name for name in self.contributions if name in shares]
        others = sum(float(c.mean()) for name, c in self.contributions.items() if name not in shares)
        terms = [(shares[name].float() * self.contributions[name].to(shares[name].device)).sum() for name in known]
        return torch.stack(terms).sum() + self.constant + others

    def __call__(self, loss: Tensor, shares: Mapping[str, Tensor]) -> Tensor:
        expected, settings = self.expected(shares), self.settings
        if settings.form == "product":
            ratio = expected.clamp_min(1.0 + 1e-6).log() / math.log(self.target)
            return loss * settings.weight * ratio**settings.exponent
        return loss + settings.weight * (expected / self.target - 1.0)
