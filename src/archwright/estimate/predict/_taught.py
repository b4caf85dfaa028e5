"""`Taught`: a predictor that has its own examples evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np

from archwright.data import Splits
from archwright.errors import UserError
from archwright.estimate._estimator import Estimator
from archwright.estimate._inner import TRAIN, built, final
from archwright.estimate.predict._predictor import LEAST, Predictor
from archwright.registry import Part
from archwright.space import Arch, Space
from archwright.supernet import Supernet, spread
from archwright.trial import Report

Model = Literal["ridge", "random-forest", "gradient-boosting", "mlp", "graph"]


class Taught(Estimator):
    """At the first call, evaluates some architectures with another estimator; from then on a `Predictor` answers.

    The examples are the smallest and the largest architecture and random ones. They depend on the settings alone, so
    that the answer for an architecture does not depend on what was asked before.

    Args:
        space: of the architectures.
        inner: evaluates the examples, with the budget of the call.
        count: examples, at least 8; fewer where the space has fewer.
        model, metric, strict: as for `Predictor`.
        draw: seed of the examples.

    Raises:
        UserError: fewer than eight examples.
    """

    source = "predictor"

    def __init__(
        self,
        space: Space,
        inner: Estimator,
        *,
        count: int = 32,
        model: Model = "random-forest",
        metric: str = "accuracy",
        strict: bool = False,
        draw: int = 0,
    ) -> None:
        if count < LEAST:
            raise UserError(f"count must be at least {LEAST} examples, got {count}")
        self.space, self.inner, self.count, self.model = space, inner, count, model
        self.metric, self.strict, self.draw = metric, strict, draw
        self._by_budget: dict[float | None, Predictor] = {}

    def __call__(self, arch: Arch, *, budget: float | None = None, seed: int = 0) -> Iterator[Report]:
        yield from self.predictor(budget)(arch, seed=seed)

    def predictor(self, budget: float | None = None) -> Predictor:
        """The predictor that has learnt from examples evaluated with `budget`."""
        if budget not in self._by_budget:
            taught = Predictor(self.space, self.model, metric=self.metric, strict=self.strict, seed=self.draw)
            archs = self.examples()
            values = [final(self.inner, arch, self.metric, budget=budget) for arch in archs]
            taught.learn(archs, values, source=self.inner.source)
            self._by_budget[budget] = taught
        return self._by_budget[budget]

    def examples(self) -> list[Arch]:
        """The architectures that are evaluated, all different."""
        rng = np.random.default_rng(self.draw)
        found = dict.fromkeys(spread(self.space, self.count, rng))
        for _ in range(20 * self.count):
            if len(found) >= self.count:
                break
            found[self.space.sample(rng)] = None
        return list(found)[: self.count]


def predictor(
    net: Supernet,
    splits: Splits,
    *,
    inner: Annotated[Part, "estimator"] = TRAIN,
    count: int = 32,
    model: Model = "random-forest",
    metric: str = "accuracy",
    strict: bool = False,
) -> Taught:
    """Learns from a few architectures that it has evaluated first; says how well, and where it extrapolates.

    Args:
        net: supernet.
        splits: data.
        inner: evaluates the examples.
        count, model, metric, strict: as for `Taught`.
    """
    return Taught(net.space, built(inner, net, splits), count=count, model=model, metric=metric, strict=strict)
