"""What GPyTorch and Bayesian optimisation ask of a kernel, of every registered one; and GPyTorch's own test cases."""

from __future__ import annotations

import copy
import importlib
import unittest
from typing import Any

import numpy as np
import pytest
import torch

from archwright import zoo
from archwright.search.kernels import KERNELS, ArchKernel, names
from archwright.search.kernels._exponential import Exponential
from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._otmann import Otmann
from archwright.search.kernels._string import StringKernel
from archwright.search.kernels._weisfeiler_lehman import WeisfeilerLehman
from archwright.space import Arch, Choice, Ordinal, Real, Space

theirs = importlib.import_module("gpytorch.test.base_kernel_test_case")  # after gpytorch was imported without a warning

NASBENCH201 = zoo.build("nasbench201", in_channels=3, classes=10, image_size=32).space
MIXED = Space(
    [
        Ordinal("width", (8, 16, 32)),
        Choice("op", ("a", "b", None)),
        Real("rate", 1e-4, 1.0, log=True),
        Choice("act", ("x", "y")),
    ],
    when={"width": {"op": ["a", "b"]}},
)
SPACES = {"nasbench201": NASBENCH201, "mixed": MIXED}


def drawn(space: Space, count: int, seed: int = 0) -> list[Arch]:
    rng, found = np.random.default_rng(seed), dict[Arch, None]()
    while len(found) < count:
        found[space.sample(rng)] = None
    return list(found)


CHOICES_ONLY = ("overlap", "transformed-overlap")
CASES = [(name, space) for name in names() for space in SPACES if space == "nasbench201" or name not in CHOICES_ONLY]


@pytest.fixture(params=CASES, ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[ArchKernel, list[Arch]]:
    name, space = request.param
    return KERNELS.load(name)(SPACES[space]), drawn(SPACES[space], 12)


def dense(kernel: Any, *x: torch.Tensor) -> torch.Tensor:
    return kernel(*x).to_dense()


def test_features(case: tuple[ArchKernel, list[Arch]]) -> None:
    arch_kernel, archs = case
    x = arch_kernel.features(archs)
    assert x.dtype == torch.float64
    assert x.shape[0] == 12
    assert arch_kernel.features(archs[3:5]).equal(x[3:5])
    assert arch_kernel.features([*archs[:2], archs[0]])[[0, 2]].equal(x[[0, 0]])


def test_diagonal_and_definiteness(case: tuple[ArchKernel, list[Arch]]) -> None:
    arch_kernel, archs = case
    x, kernel = arch_kernel.features(archs), arch_kernel.kernel()
    gram = dense(kernel, x)
    assert gram.dtype == torch.float64
    assert torch.allclose(gram, gram.mT)
    assert torch.linalg.eigvalsh(gram)[0] > -1e-9
    assert torch.allclose(kernel(x, diag=True), gram.diagonal())
    if not isinstance(arch_kernel, Otmann):  # projected as a whole
        assert torch.allclose(dense(kernel, x[:5], x[5:]), gram[:5, 5:])
    assert torch.allclose(kernel(x[:6], x[6:], diag=True), dense(kernel, x[:6], x[6:]).diagonal())


def test_batches_of_features(case: tuple[ArchKernel, list[Arch]]) -> None:
    arch_kernel, archs = case
    x, kernel = arch_kernel.features(archs), arch_kernel.kernel()
    batch = torch.stack([x[:4], x[4:8], x[8:]])
    apart = torch.stack([dense(kernel, part) for part in batch])
    assert torch.allclose(dense(kernel, batch), apart)
    assert torch.allclose(kernel(batch, diag=True), torch.stack([kernel(part, diag=True) for part in batch]))
    assert torch.allclose(dense(kernel, batch, x[:2].expand(3, -1, -1))[1], dense(kernel, x[4:8], x[:2]))


def test_gradients_of_hyper_parameters(case: tuple[ArchKernel, list[Arch]]) -> None:
    """Against central differences, on a block off the diagonal, where no kernel is projected."""
    arch_kernel, archs = case
    x, kernel = arch_kernel.features(archs), arch_kernel.kernel()
    weight = torch.from_numpy(np.random.default_rng(0).standard_normal((7, 5)))

    def value() -> torch.Tensor:
        return (dense(kernel, x[:7], x[7:]) * weight).sum()

    parameters = list(kernel.parameters())
    found = torch.autograd.grad(value(), parameters)
    for parameter, gradient in zip(parameters, found):
        for n in range(min(parameter.numel(), 3)):
            flat = parameter.data.view(-1)
            flat[n] += 1e-5
            above = value().item()
            flat[n] -= 2e-5
            below = value().item()
            flat[n] += 1e-5
            assert gradient.flatten()[n].item() == pytest.approx((above - below) / 2e-5, rel=1e-4, abs=1e-7)


def test_copies(case: tuple[ArchKernel, list[Arch]]) -> None:
    arch_kernel, archs = case
    x, kernel = arch_kernel.features(archs[:6]), arch_kernel.kernel()
    copied = copy.deepcopy(kernel)
    assert dense(copied, x).equal(dense(kernel, x))
    later = arch_kernel.features(archs)
    assert dense(copied, later).equal(dense(kernel, later))


def test_kernels_are_fresh_and_reproducible(case: tuple[ArchKernel, list[Arch]]) -> None:
    arch_kernel, archs = case
    first, second = arch_kernel.kernel(), arch_kernel.kernel()
    for parameter in first.parameters():
        parameter.data += 1.0
    again = type(arch_kernel)(arch_kernel.space)
    one, two = dense(second, arch_kernel.features(archs)), dense(again.kernel(), again.features(archs))
    assert torch.allclose(one, two, atol=1e-12)
    assert not torch.allclose(dense(first, arch_kernel.features(archs)), one)


def test_training_and_prediction(case: tuple[ArchKernel, list[Arch]]) -> None:
    arch_kernel, archs = case
    x = arch_kernel.features(archs)
    y = torch.from_numpy(np.random.default_rng(1).standard_normal(12))

    class Process(gpytorch.models.ExactGP):
        def __init__(self) -> None:
            super().__init__(x[:9], y[:9], gpytorch.likelihoods.GaussianLikelihood())
            self.mean = gpytorch.means.ConstantMean()
            self.covariance = gpytorch.kernels.ScaleKernel(arch_kernel.kernel())

        def forward(self, x: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
            return gpytorch.distributions.MultivariateNormal(self.mean(x), self.covariance(x))

    process = Process().double()
    marginal = gpytorch.mlls.ExactMarginalLogLikelihood(process.likelihood, process)
    optimizer = torch.optim.Adam(process.parameters(), lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        (-marginal(process(x[:9]), y[:9])).backward()
        optimizer.step()
    process.eval()
    with torch.no_grad():
        found = process(x[9:])
        gram = process.covariance(x).to_dense()
        noisy = process.covariance(x[:9]).to_dense() + process.likelihood.noise * torch.eye(9)
        cross = process.covariance(x[9:], x[:9]).to_dense()
        mean = process.mean.constant + cross @ torch.linalg.solve(noisy, y[:9] - process.mean.constant)
    assert gram.isfinite().all()
    assert torch.allclose(found.mean, mean, atol=1e-5)


class _Contract(theirs.BaseKernelTestCase):
    """GPyTorch's own test case."""

    def create_kernel_no_ard(self, **settings: Any) -> gpytorch.kernels.Kernel:
        raise NotImplementedError


class ExponentialContract(_Contract, unittest.TestCase):
    def create_kernel_no_ard(self, **settings: Any) -> Exponential:
        return Exponential((1,), **settings)

    def create_kernel_ard(self, num_dims: int, **settings: Any) -> Exponential:
        return Exponential(tuple(range(1, num_dims)), **settings)


class _Indexed(_Contract):
    """Features are one column, so nothing can be selected from them."""

    test_active_dims_list = test_active_dims_range = None

    def _rows(self, *shape: int) -> torch.Tensor:
        count = int(np.prod(shape))
        archs = drawn(NASBENCH201, 60)
        x = self.kernel_of_architectures.features(archs).float()
        return x[torch.arange(count) % 60].reshape(*shape, 1)

    def create_data_no_batch(self) -> torch.Tensor:
        return self._rows(50)

    def create_data_single_batch(self) -> torch.Tensor:
        return self._rows(2, 3)

    def create_data_double_batch(self) -> torch.Tensor:
        return self._rows(3, 2, 50)


class WeisfeilerLehmanContract(_Indexed, unittest.TestCase):
    kernel_of_architectures = WeisfeilerLehman(NASBENCH201)

    def create_kernel_no_ard(self, **settings: Any) -> gpytorch.kernels.Kernel:
        made = self.kernel_of_architectures.kernel()
        return type(made)(made.memory, made.levels, **settings)


class StringContract(_Indexed, unittest.TestCase):
    kernel_of_architectures = StringKernel(NASBENCH201)

    def create_kernel_no_ard(self, **settings: Any) -> gpytorch.kernels.Kernel:
        made = self.kernel_of_architectures.kernel()
        return type(made)(made.memory, made.order, **settings)


class OtmannContract(_Indexed, unittest.TestCase):
    kernel_of_architectures = Otmann(NASBENCH201, structure=(0.5,))

    def create_kernel_no_ard(self, **settings: Any) -> gpytorch.kernels.Kernel:
        made = self.kernel_of_architectures.kernel()
        return type(made)(made.distance, made.offset, lengthscale=made.lengthscale.flatten().tolist(), **settings)
