"""What every `Relaxation` keeps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from archwright.gradient import Relaxation
from archwright.supernet import Paths


class RelaxationContract:
    """Rules of a relaxation. Provide the fixture `relaxation`."""

    @pytest.fixture
    def relaxation(self) -> Relaxation:
        raise NotImplementedError("provide the relaxation in a fixture called `relaxation`")

    @pytest.fixture
    def alpha(self) -> Tensor:
        """Parameters of four options."""
        return torch.tensor([0.5, 0.4, 0.3, -0.2])

    def weights(self, relaxation: Relaxation, alpha: Tensor, seed: int) -> tuple[list[int], Tensor]:
        """Positions that run, and their weights."""
        found = relaxation(alpha, progress=0.3, generator=torch.Generator().manual_seed(seed))
        if isinstance(found, Paths):
            return list(found.indices), found.weights
        return list(range(len(found))), found

    def test_there_is_a_weight_for_every_path(self, relaxation: Relaxation, alpha: Tensor) -> None:
        for seed in range(20):
            places, weights = self.weights(relaxation, alpha, seed)
            assert weights.shape == (len(places),)
            assert len(set(places)) == len(places) > 0
            assert all(0 <= place < len(alpha) for place in places)
            assert weights.isfinite().all()

    def test_equal_generators_give_equal_weights(self, relaxation: Relaxation, alpha: Tensor) -> None:
        for seed in range(5):
            (a, first), (b, second) = (self.weights(relaxation, alpha, seed) for _ in range(2))
            assert a == b
            assert torch.equal(first, second)

    def test_the_global_random_state_is_left_alone(self, relaxation: Relaxation, alpha: Tensor) -> None:
        before = torch.get_rng_state()
        self.weights(relaxation, alpha, 0)
        assert torch.equal(before, torch.get_rng_state())

    def test_weights_carry_a_gradient_unless_they_are_sampled(self, relaxation: Relaxation, alpha: Tensor) -> None:
        alpha.requires_grad_()
        total = torch.zeros(len(alpha))
        for seed in range(20):
            _, weights = self.weights(relaxation, alpha, seed)
            if relaxation.sampled:
                assert not weights.requires_grad
                continue
            (found,) = torch.autograd.grad((weights * torch.arange(1.0, len(weights) + 1)).sum(), alpha)
            total += found.abs()
        assert relaxation.sampled or int((total > 0).sum()) >= 2  # sparse ones leave some out

    def test_probabilities_are_a_distribution(self, relaxation: Relaxation) -> None:
        for count in (1, 2, 5):
            alpha = relaxation.initial(count, torch.Generator().manual_seed(0))
            for progress in (0.0, 0.5, 1.0):
                p = relaxation.probabilities(alpha, progress=progress)
                assert p.shape == (count,)
                assert p.sum().item() == pytest.approx(1.0, abs=1e-5)
                assert (p >= 0).all()

    def test_a_step_of_the_weights_runs_something_without_gradient(self, relaxation: Relaxation, alpha: Tensor) -> None:
        with torch.no_grad():
            found = relaxation.path(alpha, progress=0.5, generator=torch.Generator().manual_seed(1))
        if isinstance(found, int):
            assert 0 <= found < len(alpha)
        else:
            assert not (found.weights if isinstance(found, Paths) else found).requires_grad
