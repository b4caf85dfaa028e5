"""Kernels of choices and numbers: published values, positive definiteness."""

import math

import numpy as np
import pytest
import torch

from archwright.errors import UserError
from archwright.search.kernels import KERNELS
from archwright.search.kernels._hamming import Hamming
from archwright.search.kernels._mixed import Mixed
from archwright.search.kernels._one_hot import OneHot
from archwright.search.kernels._overlap import Overlap
from archwright.search.kernels._transformed_overlap import TransformedOverlap
from archwright.space import Arch, Choice, Ordinal, Real, Space

TEN = Space([Choice(f"h{i}", (0, 1, 2)) for i in range(10)])
MIXED = Space([Choice("a", ("x", "y")), Choice("b", ("x", "y", "z")), Real("r", 0.0, 2.0), Real("s", 0.0, 1.0)])
CONDITIONAL = Space([Choice("op", ("conv", "pool")), Choice("width", (8, 16))], when={"width": {"op": ["conv"]}})


def ten(changed: int) -> Arch:
    return TEN.arch({f"h{i}": int(i < changed) for i in range(10)})


def gram(kernel, archs):
    rows = kernel.features(archs)
    with torch.no_grad():
        return kernel.kernel().double()(rows, rows).to_dense().numpy()


@pytest.mark.parametrize(("changed", "value"), [(0, 2.71828), (1, 2.45960), (5, 1.64872), (10, 1.0)])
def test_transformed_overlap_has_the_published_values(changed, value):
    assert gram(TransformedOverlap(TEN), [ten(0), ten(changed)])[0, 1] == pytest.approx(value, abs=1e-5)


def test_overlap_is_the_part_of_equal_choices():
    assert gram(Overlap(TEN), [ten(0), ten(3)])[0].tolist() == pytest.approx([1.0, 0.7])


def test_weights_of_single_choices():
    kernel = TransformedOverlap(TEN, ard=True)
    made = kernel.kernel()
    made.weight = torch.arange(10, dtype=torch.float64) + 1
    rows = kernel.features([ten(0), ten(2)])
    assert float(made(rows, rows).to_dense()[0, 1].detach()) == pytest.approx(math.exp((55 - 1 - 2) / 10))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0, None])
def test_mixed_is_between_sum_and_product(share):
    archs = [MIXED.arch({"a": "x", "b": b, "r": r, "s": 0.5}) for b, r in (("x", 0.5), ("z", 1.5))]
    of_choices = math.exp(0.5)
    sqrt5 = math.sqrt(5) * 0.5 / 2.0  # r moves by half its range, first length scale 2.0
    of_numbers = (1 + sqrt5 + sqrt5**2 / 3) * math.exp(-sqrt5)
    weight = 0.5 if share is None else share
    expected = weight * of_choices * of_numbers + (1 - weight) * (of_choices + of_numbers)
    assert gram(Mixed(MIXED, share=share), archs)[0, 1] == pytest.approx(expected)


def test_hamming_counts_choices_and_ranks():
    space = Space([Choice("op", ("a", "b")), Ordinal("width", (1, 2, 3)), Real("rate", 0.01, 1.0, log=True)])
    kernel = Hamming(space)
    made = kernel.kernel()
    made.weight, made.slope = torch.tensor([0.3]).double(), torch.tensor([0.5, 2.0]).double()
    rows = kernel.features([space.arch({"op": "a", "width": 1, "rate": 0.01}),
                            space.arch({"op": "b", "width": 2, "rate": 0.1})])  # fmt: skip
    assert float(made(rows, rows).to_dense()[0, 1].detach()) == pytest.approx(math.exp(-0.3 - 0.5 * 0.5 - 2.0 * 0.5))


def test_architectures_without_a_variable_agree_on_it():
    pools = [CONDITIONAL.arch({"op": "pool"})] * 2
    both = CONDITIONAL.arch({"op": "conv", "width": 8})
    assert gram(Overlap(CONDITIONAL), [*pools, both])[0].tolist() == pytest.approx([1.0, 1.0, 0.0])


@pytest.mark.parametrize("family", ["matern", "rbf"])
def test_one_hot_distance_is_root_two_a_choice(family):
    kernel = OneHot(TEN, family=family)
    made = kernel.kernel()
    made.lengthscale = 1.0
    rows = kernel.features([ten(0), ten(2)])
    d = math.sqrt(5) * 2
    value = (1 + d + d * d / 3) * math.exp(-d) if family == "matern" else math.exp(-2)
    assert float(made(rows, rows).to_dense()[0, 1].detach()) == pytest.approx(value)


@pytest.mark.parametrize("name", ["hamming", "mixed", "one-hot", "overlap", "transformed-overlap"])
@pytest.mark.parametrize("ard", [False, True])
def test_gram_matrices_are_positive_semi_definite(name, ard):
    space = TEN if "overlap" in name else MIXED
    rng = np.random.default_rng(0)
    kernel = KERNELS.load(name)(space, ard=ard)
    assert np.linalg.eigvalsh(gram(kernel, [space.sample(rng) for _ in range(150)])).min() > -1e-9


@pytest.mark.parametrize("name", ["overlap", "transformed-overlap"])
def test_overlap_refuses_numbers(name):
    with pytest.raises(UserError, match="options only"):
        KERNELS.load(name)(MIXED)


def test_mixed_refuses_a_share_out_of_range():
    with pytest.raises(UserError, match="share"):
        Mixed(MIXED, share=1.5)


def test_a_space_of_one_kind_has_that_kernel_alone():
    archs = [ten(0), ten(4)]
    assert gram(Mixed(TEN), archs) == pytest.approx(gram(TransformedOverlap(TEN), archs))
    numbers = Space([Real("r", 0.0, 1.0)])
    assert gram(Mixed(numbers), [numbers.arch({"r": 0.3})] * 2)[0, 1] == pytest.approx(1.0)


def test_differences_count_choices():
    kernel = Mixed(TEN)
    rows = kernel.features([ten(0), ten(1), ten(7)])
    assert kernel.differences(rows, rows[:1]).tolist() == [0, 1, 7]
