"""The power grid: codes, exponents and gradients of the sheet."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from archwright.compress import Power, best_exponent
from archwright.compress._power import decode, encode
from archwright.errors import UserError

X = torch.tensor([-1, -0.5, -0.1, 0.05, 0.3, 0.8])
ONE = torch.tensor(1.0)
GAUSS = torch.from_numpy(norm.ppf((np.arange(1, 4097) - 0.5) / 4096)).float()[None]


@pytest.mark.parametrize(
    ("exponent", "codes", "error"),
    [(1.0, [-7, -4, -1, 0, 2, 6], 0.00215136), (0.5, [-7, -5, -2, 2, 4, 6], 0.00106848)],
)
def test_exact_codes(exponent: float, codes: list[int], error: float) -> None:
    found = encode(X, 4, exponent, ONE)
    assert found.tolist() == codes
    assert (decode(found, 4, exponent, ONE) - X).square().mean().item() == pytest.approx(error, rel=1e-5)


def test_decoded_values_at_one_half() -> None:
    wanted = [-1, -0.510204, -0.081633, 0.081633, 0.326531, 0.734694]
    assert Power(4, 0.5, ONE)(X).tolist() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_best_exponent_of_gaussian_weights(bits: int) -> None:
    """High-resolution theory says 0.698."""
    assert best_exponent([GAUSS], [bits]) == pytest.approx(0.70, abs=0.01)


def test_uniform_weights_want_a_uniform_grid() -> None:
    weights = torch.linspace(-1, 1, 4097)[None]
    assert best_exponent([weights], [8]) == pytest.approx(1.0, abs=0.02)


def test_gradient_by_the_exponent() -> None:
    """Sheet of NUPES, must show 3; finite also at zero, where the chain rule gives infinity times zero."""
    found = []
    for x in [*X, torch.tensor(0.0)]:
        power = Power(4, 0.5, ONE)
        power(x[None]).sum().backward()
        assert power.exponent.grad is not None
        found.append(power.exponent.grad.item())
    assert found == pytest.approx([0, 0.0135, 0.0070, 0.0263, -0.0227, 0.1109, 0], abs=1e-4)


def test_gradient_by_the_input_passes_inside_the_range_only() -> None:
    x = torch.tensor([-2.0, -0.5, 0.0, 0.5, 2.0], requires_grad=True)
    Power(4, 0.5, ONE)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 0]


def test_descent_finds_the_exponent_of_the_grid_search() -> None:
    weights = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    power = Power(4, 1.0, weights.abs().max())
    power.maximum.requires_grad_(False)
    optimiser = torch.optim.Adam([power.exponent], lr=0.01)
    for _ in range(300):
        optimiser.zero_grad()
        (power(weights) - weights).square().mean().backward()
        optimiser.step()
    grid, most = torch.linspace(0.4, 1.0, 61), power.maximum.detach()
    errors = [(decode(encode(weights, 4, a, most), 4, a, most) - weights).square().mean() for a in grid]
    assert power.exponent.item() == pytest.approx(float(grid[int(torch.stack(errors).argmin())]), abs=0.05)


def test_integer_products_are_exact_at_one_half() -> None:
    """S(q) = sign(q) q^2 in integers, rescaled once; the power of the sum of products of codes is something else."""
    generator = torch.Generator().manual_seed(0)
    x, w = torch.randn(8, 64, generator=generator).double(), torch.randn(64, 16, generator=generator).double()
    qx, qw = encode(x, 4, 0.5, x.abs().max()), encode(w, 4, 0.5, w.abs().max())
    integers = (qx.sign() * qx**2).long() @ (qw.sign() * qw**2).long()
    found = integers.double() * x.abs().max() * w.abs().max() / 7**4
    wanted = decode(qx, 4, 0.5, x.abs().max()) @ decode(qw, 4, 0.5, w.abs().max())
    assert torch.allclose(found, wanted, atol=1e-12, rtol=0)
    assert int(integers.abs().max()) < 2**31


def test_unsigned_codes_use_the_whole_range() -> None:
    power = Power(4, 0.5, ONE, signed=False)
    assert power.codes(torch.tensor([0.0, 1.0, -1.0])).tolist() == [0, 15, 0]


def test_an_exponent_out_of_range() -> None:
    with pytest.raises(UserError, match="exponent"):
        Power(4, 1.5, ONE)
