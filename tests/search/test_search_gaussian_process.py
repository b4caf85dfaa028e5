"""The Gaussian process against GPyTorch's own, and against numbers by hand."""

import math

import numpy as np
import pytest
import torch

from archwright.search._gaussian_process import GaussianProcess, Ranges
from archwright.search._surrogate import Surrogate
from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._hamming import Hamming
from archwright.space import Choice, Space

FLAT = Ranges(scale=(0.5, 2.0), noise=(1e-3, 0.1), noise_prior=None)
SPACE = Space([Choice(f"h{i}", tuple(range(4))) for i in range(5)])


def rbf(n=20, seed=0, ranges=FLAT):
    torch.manual_seed(seed)
    x = torch.rand(n, 2, dtype=torch.float64)
    y = torch.sin(6 * x[:, 0]) + x[:, 1]
    kernel = gpytorch.kernels.RBFKernel().double()
    kernel.lengthscale = 0.4
    return GaussianProcess(kernel, x, y, ranges)


class Exact(gpytorch.models.ExactGP):
    def __init__(self, x, y, kernel, likelihood):
        super().__init__(x, y, likelihood)
        self.mean_module, self.covar_module = gpytorch.means.ZeroMean(), kernel

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


@pytest.fixture
def peer():
    """Our process and GPyTorch's with the same hyper-parameters."""
    ours = rbf()
    likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
    likelihood.noise = ours.noise
    kernel = gpytorch.kernels.ScaleKernel(ours.kernel).double()
    kernel.outputscale = ours.scale
    return ours, Exact(ours.x, ours.y, kernel, likelihood).double(), likelihood


def test_the_posterior_is_gpytorchs(peer):
    ours, theirs, likelihood = peer
    x = torch.rand(7, 2, dtype=torch.float64)
    theirs.eval(), likelihood.eval()
    with torch.no_grad():
        posterior = theirs(x)
    mean, deviation = ours.predict(x)
    assert torch.allclose(mean, posterior.mean, atol=1e-6)
    assert torch.allclose(deviation, posterior.variance.sqrt(), atol=1e-6)
    assert torch.allclose(ours.covariance(x)[1], posterior.covariance_matrix, atol=1e-6)


def test_the_likelihood_is_gpytorchs(peer):
    ours, theirs, likelihood = peer
    theirs.train(), likelihood.train()
    exact = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, theirs)
    wanted = exact(theirs(ours.x), ours.y).item() * len(ours.y)
    assert ours.log_likelihood().item() == pytest.approx(wanted, abs=1e-6)


def test_one_observation_by_hand():
    process = GaussianProcess(
        gpytorch.kernels.RBFKernel(), torch.zeros(1, 1).double(), torch.ones(1).double(),
        Ranges(scale=(2.0, 2.0), noise=(0.5, 0.5), noise_prior=None),
    )  # fmt: skip
    mean, deviation = process.predict(torch.zeros(1, 1).double())
    assert float(mean) == pytest.approx(2 / 2.5)
    assert float(deviation) == pytest.approx(math.sqrt(2 - 4 / 2.5))


def test_fitting_raises_the_likelihood_and_keeps_the_ranges():
    process = rbf()
    before = process.log_likelihood().item()
    process.fit(2, np.random.default_rng(0))
    assert process.log_likelihood().item() > before + 1
    assert 0.5 <= process.scale <= 2.0 + 1e-9
    assert 1e-3 - 1e-9 <= process.noise <= 0.1


def test_fitting_is_a_function_of_data_and_stream():
    fits = []
    for _ in range(2):
        process = rbf()
        process.fit(2, np.random.default_rng(1))
        fits.append((process.scale, process.noise, process.kernel.lengthscale.item()))
    assert fits[0] == fits[1]


def test_the_gradient_of_the_likelihood_matches_differences():
    process = rbf(ranges=Ranges())
    vector = torch.cat([p.detach().reshape(-1) for p in process.parameters]).numpy()
    _, slope = process._loss(vector)
    for i in range(len(vector)):
        step = np.zeros_like(vector)
        step[i] = 1e-6
        rise = (process._loss(vector + step)[0] - process._loss(vector - step)[0]) / 2e-6
        assert slope[i] == pytest.approx(rise, rel=1e-4, abs=1e-7)


class Indefinite(gpytorch.kernels.Kernel):
    """Not a covariance: the eigenvalues of three points are 3, 3 and -3."""

    def forward(self, x1, x2, diag=False, **params):
        if diag:
            return torch.ones(x1.shape[:-1], dtype=x1.dtype)
        return torch.where(x1 == x2.mT, 1.0, -2.0 * torch.ones_like(x1 @ x2.mT)) * 1.0


def test_an_indefinite_gram_matrix_is_projected():
    x = torch.arange(3.0).double()[:, None]
    assert float(torch.linalg.eigvalsh(Indefinite()(x, x).to_dense()).min()) < -2
    process = GaussianProcess(Indefinite(), x, torch.tensor([1.0, 0.0, -1.0]).double(), Ranges(scale=(1.0, 1.0)))
    mean, deviation = process.predict(x)
    assert torch.isfinite(mean).all()
    assert (deviation > 0).all()


def test_hallucinated_points_keep_the_mean_and_shrink_the_deviation():
    rng = np.random.default_rng(0)
    archs = [SPACE.sample(rng) for _ in range(12)]
    kernel = Hamming(SPACE)
    process = GaussianProcess(kernel.kernel(), kernel.features(archs[:8]), torch.randn(8).double())
    surrogate = Surrogate(kernel, process, 0.0)
    mean, deviation = surrogate.predict(archs)
    after_mean, after = surrogate.hallucinated(archs[8:10]).predict(archs)
    assert after_mean == pytest.approx(mean, abs=1e-8)
    assert (after <= deviation + 1e-12).all()
    assert (after[8:10] < 0.5 * deviation[8:10]).all()


def test_draws_have_the_posterior_moments():
    rng = np.random.default_rng(0)
    archs = [SPACE.sample(rng) for _ in range(6)]
    kernel = Hamming(SPACE)
    surrogate = Surrogate(
        kernel, GaussianProcess(kernel.kernel(), kernel.features(archs[:3]), torch.ones(3).double()), 0.0
    )
    mean, covariance = surrogate.covariance(archs)
    draws = np.array([surrogate.sample(archs, rng) for _ in range(300)])
    assert draws.mean(0) == pytest.approx(mean, abs=0.2)
    assert np.cov(draws.T) == pytest.approx(covariance, abs=0.3)
