"""The power grid: codes, exponents and gradients of the sheet."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import laplace, norm

from archwright.compress import Power, PowerCodes, best_exponent
from archwright.compress._nupes import softly_rounded
from archwright.compress._power import decode, encode, levels
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


def _error(weights: torch.Tensor, bits: int, exponent: float, maximum: float) -> float:
    most = torch.tensor(maximum)
    return float(
        (decode(encode(weights, bits, exponent, most), bits, exponent, most) - weights).norm() / weights.norm()
    )


def test_errors_of_gaussian_weights() -> None:
    """Sheet of NUPES, must show 2: relative errors, one minimum, and the exponent of high-resolution theory, which
    minimises m^(2a) E|x|^(2-2a) / a^2."""
    most = float(GAUSS.max())
    found = [_error(GAUSS, bits, a, most) for bits in (8, 4) for a in (0.7, 1.0)]
    assert found == pytest.approx([0.0072223, 0.0083258, 0.13144, 0.15129], rel=1e-4)
    exponents = np.arange(0.2, 1.2, 0.01)
    for maximum, wanted in ((most, 0.698), (4.0, 0.671), (5.0, 0.607), (6.0, 0.560)):
        errors = [_error(GAUSS, 8, a, maximum) for a in exponents]
        best = int(np.argmin(errors))
        assert exponents[best] == pytest.approx(wanted, abs=0.03)
        smooth = np.convolve(errors, np.ones(9) / 9, "valid")
        assert (np.sign(np.diff(smooth)) == np.where(np.arange(len(smooth) - 1) < np.argmin(smooth), -1, 1)).all()


def test_the_best_exponent_of_laplacian_weights() -> None:
    weights = torch.from_numpy(laplace.ppf((np.arange(1, 200_001) - 0.5) / 200_000)).float()[None]
    assert best_exponent([weights], [8]) == pytest.approx(0.49, abs=0.02)


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
    assert power.exponent.item() == pytest.approx(float(grid[int(torch.stack(errors).argmin())]), abs=0.03)


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
    assert 0.1 < float((found - x @ w).norm() / (x @ w).norm()) < 0.3
    sums = (qx @ qw) / 7**2
    wrong = sums.sign() * sums**2 * x.abs().max() * w.abs().max()
    assert float((wrong - x @ w).norm() / (x @ w).norm()) > 5


def test_int32_holds_half_a_million_products_of_four_bits_and_eight_of_eight() -> None:
    """Sheet of NUPES: products of squares, 7^4 at 4 bits and 127^4 at 8."""
    assert [(2**31 - 1) // levels(bits) ** 4 for bits in (4, 8)] == [894_412, 8]


@pytest.mark.parametrize("beta", [1.0, 20.0])
def test_codes_at_exponent_one_are_uniform_learned_rounding(beta: float) -> None:
    """Sheet of NUPES, must show 6: values and gradients of soft rounding on the uniform grid."""
    weight = 0.9 * X[None]
    codes = PowerCodes(Power(4, 1.0, ONE), weight)
    codes.beta = beta
    found = codes(weight)
    found.square().sum().backward()
    code = (7 * weight).clone().requires_grad_(True)
    floor = code.detach().floor()
    wanted = (floor + 0.5 + 0.5 * torch.tanh(beta * (code - floor - 0.5)) / math.tanh(beta / 2)) / 7
    wanted.square().sum().backward()
    torch.testing.assert_close(found, wanted)
    assert code.grad is not None
    torch.testing.assert_close(codes.code.grad, code.grad, atol=1e-5, rtol=1e-4)
    codes.beta = None
    assert torch.equal(codes(weight), (7 * weight).round() / 7)


def test_the_soft_staircase_has_no_jumps() -> None:
    code = torch.tensor([-2.0, -1.5, 0.0, 0.5, 3.0, 3.5])
    for beta in (0.1, 1.0, 20.0):
        torch.testing.assert_close(softly_rounded(code, beta), code)  # integers and the middle of a step stay
    code = torch.linspace(-3, 3, 601)
    torch.testing.assert_close(softly_rounded(code, 0.01), code, atol=1e-3, rtol=0)
    steep = softly_rounded(code, 20.0)
    assert (steep.diff() >= 0).all()
    away = (code - code.floor() - 0.5).abs() > 0.2
    torch.testing.assert_close(steep[away], code[away].round(), atol=1e-3, rtol=0)


def test_codes_that_are_not_free_go_to_the_two_around_their_start() -> None:
    codes = PowerCodes(Power(4, 1.0, ONE), torch.tensor([[-0.5, 0.2, 1.0]]), free=False)
    with torch.no_grad():
        codes.code += torch.tensor([[-5.0, 5.0, -5.0]])
    assert codes.codes(codes.code).tolist() == [[-4.0, 2.0, 7.0]]  # started at -3.5, 1.4, 7
    codes.beta = 20.0
    torch.testing.assert_close(codes(codes.code) * 7, torch.tensor([[-4.0, 2.0, 7.0]]))


def test_unsigned_codes_use_the_whole_range() -> None:
    power = Power(4, 0.5, ONE, signed=False)
    assert power.codes(torch.tensor([0.0, 1.0, -1.0])).tolist() == [0, 15, 0]


def test_an_exponent_out_of_range() -> None:
    with pytest.raises(UserError, match="exponent"):
        Power(4, 1.5, ONE)
