"""The string kernel against published values, brute force and hand-made strings."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest
import torch

from archwright import zoo
from archwright.bench._nasbench101_cell import cell_space
from archwright.errors import UserError
from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._string import StringKernel
from archwright.search.kernels._subsequence_recursion import subsequences
from archwright.space import Arch, Choice, Ordinal, Real, Space

SPACE = zoo.build("nasbench201", in_channels=3, classes=10, image_size=32).space


def value(one: str, two: str, decay: float, gap: float, order: int = 5, pad: int = 0) -> float:
    s, t = (np.array([*map(ord, text), *[-n] * pad]) for n, text in ((1, one), (2, two)))
    match = torch.from_numpy(s[:, None] == t[None, :]).double()[None]
    return float(subsequences(match, *torch.tensor([gap, decay], dtype=torch.float64), order))


def features(text: str, decay: float, gap: float, order: int) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for size in range(1, order + 1):
        for places in itertools.combinations(range(len(text)), size):
            found["".join(text[i] for i in places)] += decay**size * gap ** (places[-1] - places[0] + 1 - size)
    return found


def by_hand(one: str, two: str, decay: float, gap: float, order: int) -> float:
    a, b = features(one, decay, gap, order), features(two, decay, gap, order)
    return sum(a[u] * b[u] for u in a.keys() & b.keys())


def test_published_values() -> None:
    assert value("cata", "gatta", 2, 2) == pytest.approx(504)
    assert value("cata", "gatta", 0.8, 0.8) == pytest.approx(5.9437056)
    norm = (value("cata", "cata", 0.8, 0.8) * value("gatta", "gatta", 0.8, 0.8)) ** 0.5
    assert value("cata", "gatta", 0.8, 0.8) / norm == pytest.approx(0.5770796, abs=1e-7)


def test_lodhis_example() -> None:
    """Sub-sequences of length 2, weight 0.5^span."""

    def pairs(one: str, two: str) -> float:
        return value(one, two, 0.5, 0.5, order=2) - value(one, two, 0.5, 0.5, order=1)

    assert pairs("cat", "car") == pytest.approx(0.5**4)
    assert pairs("cat", "cat") == pytest.approx(2 * 0.5**4 + 0.5**6)


def test_recursion_against_brute_force() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        one, two = ("".join(rng.choice([*"abc"], rng.integers(1, 9))) for _ in range(2))
        decay, gap, order = rng.random(), rng.random(), int(rng.integers(1, 6))
        assert value(one, two, decay, gap, order) == pytest.approx(by_hand(one, two, decay, gap, order), rel=1e-9)


def test_without_gaps_only_n_grams_are_left() -> None:
    def grams(text: str) -> Counter[str]:
        return Counter(text[i : i + n] for n in range(1, 6) for i in range(len(text) - n + 1))

    one, two = grams("abracadabra"), grams("cadabra")
    expected = sum(one[u] * two[u] * 0.7 ** (2 * len(u)) for u in one)
    assert value("abracadabra", "cadabra", 0.7, 1e-9) == pytest.approx(expected, rel=1e-7)


def test_padding_changes_nothing() -> None:
    assert value("cata", "gatta", 0.8, 0.8, pad=7) == pytest.approx(value("cata", "gatta", 0.8, 0.8), rel=1e-12)


def lengths(longest: int) -> Space:
    """Strings of 1 to `longest` letters."""
    letters = [Choice(f"at{i}", ("a", "b", "c")) for i in range(longest)]
    when = {f"at{i}": {"length": list(range(i + 1, longest + 1))} for i in range(longest)}
    return Space([Ordinal("length", tuple(range(1, longest + 1))), *letters], when=when)


def test_mixed_lengths_are_positive_semidefinite_with_a_diagonal_of_one() -> None:
    space, rng = lengths(10), np.random.default_rng(0)
    kernel = StringKernel(space)
    gram = kernel.kernel()(kernel.features([space.sample(rng) for _ in range(200)])).to_dense().detach()
    assert torch.linalg.eigvalsh(gram)[0] > -1e-8
    assert torch.allclose(gram.diagonal(), torch.ones(200, dtype=torch.float64))


def arch(*operations: str) -> Arch:
    return SPACE.arch(dict(zip(SPACE.names, operations)))


def test_a_sequence_of_operations() -> None:
    """The kernel object computes the normalised value of two strings, whatever else it has seen."""
    kernel = StringKernel(SPACE, by="sequence")
    c, s, p = "nor_conv_3x3", "skip_connect", "avg_pool_3x3"
    archs = [arch(c, s, c, p, s, c), arch(p, c, s, s, c, p)]
    assert kernel.strings(archs[0]) == [[(c, s, c, p, s, c)]]
    kernel.features([SPACE.sample(np.random.default_rng(0))])
    made = kernel.kernel()
    made.decay, made.gap = 0.6, 0.4
    found = made(kernel.features(archs)).to_dense()[0, 1].item()
    k = {(a, b): by_hand(a, b, 0.6, 0.4, 5) for a, b in itertools.product(("cscpsc", "pcsscp"), repeat=2)}
    norm = (k["cscpsc", "cscpsc"] * k["pcsscp", "pcsscp"]) ** 0.5
    assert found == pytest.approx(k["cscpsc", "pcsscp"] / norm)


@pytest.mark.parametrize("by", ["paths", "sequence"])
def test_sub_sequences_written_out_agree_with_the_recursion(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    archs = [SPACE.sample(rng) for _ in range(30)]
    kernel = StringKernel(SPACE, by=by)
    x = kernel.features(archs)
    found = kernel.kernel()(x).to_dense(), kernel.kernel()(x[:9], x[5:]).to_dense()
    monkeypatch.setattr("archwright.search.kernels._subsequences.short", lambda string, order: False)
    expected = kernel.kernel()(x).to_dense(), kernel.kernel()(x[:9], x[5:]).to_dense()
    assert torch.allclose(found[0], expected[0], atol=1e-12)
    assert torch.allclose(found[1], expected[1], atol=1e-12)


def test_parts_are_normalised_apart() -> None:
    c, s, p = "nor_conv_3x3", "skip_connect", "avg_pool_3x3"
    kernel = StringKernel(SPACE, by="sequence", parts=2)
    made = kernel.kernel()
    made.decay, made.gap = 0.6, 0.4
    gram = made(kernel.features([arch(c, s, c, p, s, c), arch(p, c, s, s, c, p)])).to_dense()

    def normalised(a: str, b: str) -> float:
        return by_hand(a, b, 0.6, 0.4, 5) / (by_hand(a, a, 0.6, 0.4, 5) * by_hand(b, b, 0.6, 0.4, 5)) ** 0.5

    assert gram[0, 1].item() == pytest.approx((normalised("csc", "pcs") + normalised("psc", "scp")) / 2)
    assert gram[0, 0].item() == pytest.approx(1.0)


def test_sums_over_paths() -> None:
    """edge03 alone is one path; 01, 13 and 01, 12, 23 are two."""
    c, s, p, none = "nor_conv_3x3", "skip_connect", "avg_pool_3x3", "none"
    kernel = StringKernel(SPACE)
    assert kernel.by == "paths"
    one, two = arch(none, none, none, p, none, none), arch(c, none, s, none, p, c)
    assert kernel.strings(one) == [[(p,)]]
    assert sorted(kernel.strings(two)[0]) == [(p_ := (c, p)), (c, s, c)] == sorted([p_, (c, s, c)])
    made = kernel.kernel()
    made.decay, made.gap = 0.6, 0.4

    def total(first: list[str], second: list[str]) -> float:
        return sum(by_hand(a, b, 0.6, 0.4, 5) for a in first for b in second)

    expected = total(["p"], ["cp", "csc"]) / (total(["p"], ["p"]) * total(["cp", "csc"], ["cp", "csc"])) ** 0.5
    x = kernel.features([one, two])
    assert made(x).to_dense()[0, 1].item() == pytest.approx(expected)
    assert made(x[:1], x[1:]).to_dense().item() == pytest.approx(expected)


def test_nothing_equals_nothing_only() -> None:
    kernel = StringKernel(SPACE)
    nothing, other = arch(*["none"] * 6), arch(*["nor_conv_3x3"] * 6)
    broken = arch("nor_conv_3x3", *["none"] * 5)
    gram = kernel.kernel()(kernel.features([nothing, broken, other])).to_dense()
    assert gram[0].tolist() == [1.0, 1.0, 0.0]


def test_isomorphic_cells_are_the_same() -> None:
    space, rng = cell_space(), np.random.default_rng(0)
    kernel = StringKernel(space)
    for _ in range(10):
        drawn = space.sample(rng)
        gram = kernel.kernel()(kernel.features([drawn, space.canonical(drawn)])).to_dense()
        assert gram[0, 1].item() == pytest.approx(1.0)


def test_gradients_of_the_likelihood_match_finite_differences() -> None:
    space, rng = lengths(8), np.random.default_rng(0)
    kernel = StringKernel(space)
    x, made = kernel.features([space.sample(rng) for _ in range(12)]), kernel.kernel()
    y = torch.from_numpy(rng.standard_normal(12))

    def likelihood() -> torch.Tensor:
        covariance = made(x).to_dense() + 0.1 * torch.eye(12, dtype=torch.float64)
        return torch.distributions.MultivariateNormal(torch.zeros(12, dtype=torch.float64), covariance).log_prob(y)

    likelihood().backward()
    for raw in (made.raw_gap, made.raw_decay):
        assert raw.grad is not None
        with torch.no_grad():
            raw += 1e-5
            above = likelihood()
            raw -= 2e-5
            below = likelihood()
            raw += 1e-5
        assert raw.grad.item() == pytest.approx(float(above - below) / 2e-5, rel=1e-4)


def test_tokens_of_layers_compare() -> None:
    space = Space([Ordinal("layer1.width", (8, 16)), Choice("layer1.op", ("a", "b")), Ordinal("layer2.width", (8, 16)),
                   Real("rate", 0.0, 1.0)])  # fmt: skip
    kernel = StringKernel(space)
    drawn = space.arch({"layer1.width": 16, "layer1.op": "a", "layer2.width": 16, "rate": 1.0})
    assert kernel.strings(drawn) == [[("width=16", "op=a", "width=16", "rate=7")]]


@pytest.mark.parametrize(("name", "parts"), [("nasbench201", 1), ("darts", 2)])
@torch.no_grad()
def test_matrices_of_cells_are_positive_semidefinite(name: str, parts: int) -> None:
    """The two cells of DARTS are parts."""
    space, rng = zoo.build(name, in_channels=3, classes=10, image_size=32).space, np.random.default_rng(0)
    kernel = StringKernel(space)
    archs = [space.sample(rng) for _ in range(500)]
    assert len(kernel.strings(archs[0])) == parts
    gram = kernel.kernel()(kernel.features(archs)).to_dense()
    assert torch.linalg.eigvalsh(gram)[0] > -1e-10


def test_likelihood_of_a_gaussian_process_can_be_trained() -> None:
    space, rng = lengths(8), np.random.default_rng(0)
    kernel = StringKernel(space)
    archs = [space.sample(rng) for _ in range(15)]
    y = torch.tensor([float("".join(map(str, list(a.values())[1:])).count("ab")) for a in archs], dtype=torch.float64)

    class Process(gpytorch.models.ExactGP):
        def __init__(self) -> None:
            super().__init__(kernel.features(archs), y, gpytorch.likelihoods.GaussianLikelihood())
            self.mean, self.covariance = gpytorch.means.ConstantMean(), kernel.kernel()

        def forward(self, x: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
            return gpytorch.distributions.MultivariateNormal(self.mean(x), self.covariance(x))

    process = Process().double().train()
    marginal = gpytorch.mlls.ExactMarginalLogLikelihood(process.likelihood, process)
    optimizer = torch.optim.Adam(process.parameters(), lr=0.1)
    values = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = -marginal(process(process.train_inputs[0]), y)
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < values[0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"order": 0}, "order and parts must be at least 1, got order=0"), ({"by": "words"}, "by must be 'auto'")],
)
def test_bad_settings(settings: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        StringKernel(SPACE, **settings)  # type: ignore[arg-type]
