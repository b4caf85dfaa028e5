"""Exact Gaussian process with a GPyTorch kernel."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import final

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from archwright.search.kernels._gpytorch import gpytorch

_STEPS = 40
_SPREAD = 1.0  # standard deviation of the raw hyper-parameters of a restart
_SMALLEST = 1e-10


@dataclasses.dataclass(frozen=True, slots=True)
class Ranges:
    """Where the hyper-parameters beside the kernel's own may lie; equal ends fix one.

    Args:
        scale: of the output scale (variance).
        noise: of the noise variance.
        noise_prior: mean and standard deviation of the logarithm of the noise; None: flat.
    """

    scale: tuple[float, float] = (0.05, 20.0)
    noise: tuple[float, float] = (1e-5, 0.5)
    noise_prior: tuple[float, float] | None = (-6.0, 2.0)


@final
class GaussianProcess:
    """y = f(x) + noise, f with mean 0 and covariance scale x kernel. Hyper-parameters by marginal likelihood.

    The kernel is GPyTorch's; with constraints as it declares them and its priors added to the likelihood. Inference is
    by one Cholesky factor (Rasmussen and Williams 2006, algorithm 2.1). A Gram matrix that is not positive
    semi-definite is projected: its negative eigenvalues are set to 0.

    Args:
        kernel: changed by `fit`.
        x: (n, d) rows that the kernel is called on.
        y: (n,) observations of about unit variance.
        ranges: of output scale and noise.
    """

    def __init__(self, kernel: gpytorch.kernels.Kernel, x: Tensor, y: Tensor, ranges: Ranges | None = None) -> None:
        self.kernel = kernel.double().eval()
        self.x = x
        self.y = y
        self.ranges = ranges or Ranges()
        self._log_scale = torch.tensor(_first(self.ranges.scale, 1.0), dtype=torch.float64, requires_grad=True)
        self._log_noise = torch.tensor(_first(self.ranges.noise, 1e-2), dtype=torch.float64, requires_grad=True)
        self._factor: Tensor | None = None
        self._weights = torch.empty(0)

    @property
    def scale(self) -> float:
        """Output scale."""
        return math.exp(self._log_scale.item())

    @property
    def noise(self) -> float:
        """Noise variance."""
        return math.exp(self._log_noise.item())

    @property
    def parameters(self) -> list[Tensor]:
        """What is fitted, unconstrained: log scale, log noise, raw parameters of the kernel."""
        return [self._log_scale, self._log_noise, *self.kernel.parameters()]

    def log_likelihood(self) -> Tensor:
        """Log marginal likelihood of the observations plus log priors; minus infinity where it cannot be had."""
        gram = self._log_scale.exp() * self.kernel(self.x, self.x).to_dense()
        eye = torch.eye(len(self.y), dtype=gram.dtype)
        factor, info = torch.linalg.cholesky_ex(gram + self._log_noise.exp() * eye)
        if info:
            return torch.tensor(-math.inf, dtype=gram.dtype)
        white = torch.linalg.solve_triangular(factor, self.y[:, None], upper=False)
        value = -0.5 * white.square().sum() - factor.diagonal().log().sum() - 0.5 * len(self.y) * math.log(2 * math.pi)
        for _, module, prior, closure, _ in self.kernel.named_priors():
            value = value + prior.log_prob(closure(module)).sum()
        if self.ranges.noise_prior is not None:
            mean, deviation = self.ranges.noise_prior
            value = value - 0.5 * ((self._log_noise - mean) / deviation).square()
        return value

    def fit(self, restarts: int, rng: np.random.Generator) -> None:
        """Maximise the likelihood by L-BFGS from the kernel's first hyper-parameters and from random ones around them.

        Args:
            restarts: number of starts, at least 1.
            rng: where the random starts come from.
        """
        parameters = self.parameters
        start = torch.cat([p.detach().reshape(-1) for p in parameters]).numpy()
        bounds = [_logs(self.ranges.scale), _logs(self.ranges.noise), *[(s - 12.0, s + 12.0) for s in start[2:]]]
        low, high = np.array(bounds).T
        best, best_value = start, math.inf
        self.kernel.train()
        for number in range(restarts):
            moved = start + _SPREAD * rng.standard_normal(len(start)) * (number > 0)
            found = scipy.optimize.minimize(
                self._loss,
                np.clip(moved, low, high),
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options={"maxiter": _STEPS},
            )
            if found.fun < best_value:
                best, best_value = found.x, found.fun
        self._set(best)
        self.kernel.eval()

    def _loss(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Minus the likelihood an observation, and its gradient."""
        self._set(vector)
        parameters = self.parameters
        loss = -self.log_likelihood() / len(self.y)
        if not torch.isfinite(loss):
            return 1e10, np.zeros_like(vector)
        slopes = torch.autograd.grad(loss, parameters, allow_unused=True)
        parts = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, slopes, strict=True)]
        return float(loss.detach()), torch.cat([g.reshape(-1) for g in parts]).numpy()

    def _set(self, vector: np.ndarray) -> None:
        at = 0
        for parameter in self.parameters:
            size = parameter.numel()
            value = torch.from_numpy(vector[at : at + size].copy()).reshape(parameter.shape)
            parameter.data.copy_(value)
            at += size
        self._factor = None

    def given(self, x: Tensor, y: Tensor) -> GaussianProcess:
        """The same hyper-parameters with other observations."""
        other = copy.copy(self)
        other.x, other.y, other._factor = x, y, None
        return other

    @torch.no_grad()
    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (m,) and standard deviation (m,) of f at the rows `x`."""
        return self.moments(x)

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `predict`, differentiable by `x`."""
        mean, white = self._against(x)
        variance = self.scale * self.kernel(x, diag=True) - white.square().sum(0)
        return mean, variance.clamp_min(_SMALLEST).sqrt()

    @torch.no_grad()
    def covariance(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (m,) and covariance (m, m) of f at the rows `x`."""
        mean, white = self._against(x)
        return mean, self.scale * self.kernel(x, x).to_dense() - white.mT @ white

    def _against(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean, and the factor's inverse times the covariance of observations and `x`, (n, m)."""
        if self._factor is None:
            self._solve()
        assert self._factor is not None
        cross = self.scale * self.kernel(self.x, x).to_dense()
        return cross.mT @ self._weights, torch.linalg.solve_triangular(self._factor, cross, upper=False)

    @torch.no_grad()
    def _solve(self) -> None:
        gram = self.scale * self.kernel(self.x, self.x).to_dense()
        noise = self.noise * torch.eye(len(self.y), dtype=gram.dtype)
        factor, info = torch.linalg.cholesky_ex(gram + noise)
        if info:
            values, vectors = torch.linalg.eigh((gram + gram.mT) / 2)
            factor = torch.linalg.cholesky((vectors * values.clamp_min(0)) @ vectors.mT + noise)
        self._factor = factor
        self._weights = torch.cholesky_solve(self.y[:, None], factor)[:, 0]


def _logs(interval: tuple[float, float]) -> tuple[float, float]:
    return math.log(interval[0]), math.log(interval[1])


def _first(interval: tuple[float, float], wish: float) -> float:
    return math.log(min(max(wish, interval[0]), interval[1]))
