"""What every estimator keeps."""

from __future__ import annotations

import math
import random
from typing import ClassVar

import numpy as np
import pytest
import torch

from archwright.estimate import Estimator
from archwright.space import Arch, Space
from archwright.trial import Metrics, Report


class EstimatorContract:
    """Rules of an estimator. Provide the fixtures `estimator` and `space`; cheap settings keep the tests fast.

    Attributes:
        draws: architectures a rule is tried on.
        budget: a small one on the estimator's own scale.
        volatile: metrics that are times and differ from call to call.
    """

    draws: ClassVar[int] = 3
    budget: ClassVar[float] = 1
    volatile: ClassVar[tuple[str, ...]] = ("seconds", "latency_ms", "images_per_second")

    @pytest.fixture
    def estimator(self) -> Estimator:
        raise NotImplementedError("provide the estimator in a fixture called `estimator`")

    @pytest.fixture
    def space(self) -> Space:
        raise NotImplementedError("provide the space that it judges in a fixture called `space`")

    @pytest.fixture
    def archs(self, space: Space) -> list[Arch]:
        """Random members of the space."""
        rng = np.random.default_rng(0)
        return [space.sample(rng) for _ in range(self.draws)]

    def lasting(self, metrics: Metrics) -> dict[str, float]:
        """Without those that are times."""
        return {name: value for name, value in metrics.items() if name not in self.volatile}

    def reported(self, estimator: Estimator, arch: Arch, *, seed: int = 0) -> list[tuple[int, dict[str, float]]]:
        """What it says about `arch`."""
        return [(r.step, self.lasting(r.metrics)) for r in estimator(arch, budget=self.budget, seed=seed)]

    def test_the_source_says_what_kind_of_number_it_is(self, estimator: Estimator) -> None:
        assert isinstance(estimator.source, str)
        assert estimator.source

    def test_reports_are_finite_numbers_in_order(self, estimator: Estimator, archs: list[Arch]) -> None:
        for arch in archs:
            reports = list(estimator(arch, budget=self.budget))
            assert reports
            assert all(isinstance(r, Report) for r in reports)
            assert [r.step for r in reports] == sorted(r.step for r in reports)
            assert reports[0].step >= 0
            for name, value in (item for r in reports for item in r.metrics.items()):
                assert isinstance(name, str)
                assert math.isfinite(value), f"{name} is {value}"

    def test_no_report_is_empty(self, estimator: Estimator, archs: list[Arch]) -> None:
        assert all(r.metrics for r in estimator(archs[0], budget=self.budget))

    def test_budget_and_seed_have_defaults(self, estimator: Estimator, archs: list[Arch]) -> None:
        assert isinstance(next(iter(estimator(archs[0]))), Report)

    def test_the_same_seed_gives_the_same_reports(self, estimator: Estimator, archs: list[Arch]) -> None:
        assert self.reported(estimator, archs[0], seed=7) == self.reported(estimator, archs[0], seed=7)

    def test_what_was_evaluated_before_does_not_matter(self, estimator: Estimator, archs: list[Arch]) -> None:
        alone = self.reported(estimator, archs[0])
        for arch in archs[1:]:
            self.reported(estimator, arch, seed=1)
        assert self.reported(estimator, archs[0]) == alone

    def test_it_may_be_left_after_the_first_report(self, estimator: Estimator, archs: list[Arch]) -> None:
        """A strategy stops trials early."""
        whole = self.reported(estimator, archs[0])
        first = next(iter(estimator(archs[0], budget=self.budget)))
        assert (first.step, self.lasting(first.metrics)) == whole[0]
        assert self.reported(estimator, archs[0]) == whole

    def test_global_random_numbers_are_left_alone(self, estimator: Estimator, archs: list[Arch]) -> None:
        def state() -> tuple[object, ...]:
            return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002

        before = state()
        self.reported(estimator, archs[0])
        assert state() == before
