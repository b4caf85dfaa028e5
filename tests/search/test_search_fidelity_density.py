"""Product kernels by hand."""

import numpy as np
import pytest

from archwright.search.fidelity._density import Density

GOOD = np.array([[0, 0, 4, 4, 0, 4, 2, 0, 4, 4]], dtype=float).T  # one variable of five categories


def test_bandwidth_of_categories_by_hand() -> None:
    """Shares 0.4, 0.5, 0.1: sqrt((1 - 0.42) / 2) 1.06 10^-0.2."""
    assert Density(GOOD, [5]).bandwidths == pytest.approx([1.06 * 0.29**0.5 * 10**-0.2])


def test_densities_of_categories_sum_to_one() -> None:
    density = Density(GOOD, [5])(np.arange(5.0)[:, None])
    assert density.sum() == pytest.approx(1.0)
    h = 0.36016
    assert density == pytest.approx([(4 * (1 - h) + 6 * h / 4) / 10, h / 4, (9 * h / 4 + 1 - h) / 10, h / 4,
                                     (5 * (1 - h) + 5 * h / 4) / 10], abs=1e-4)  # fmt: skip
    assert density.argmax() == 4


def test_the_numbering_of_categories_does_not_matter() -> None:
    renamed = np.choose(GOOD.astype(int), [0, 4, 2, 3, 1]).astype(float)
    ours, theirs = Density(GOOD, [5]), Density(renamed, [5])
    assert ours.bandwidths == pytest.approx(theirs.bandwidths)
    points = np.arange(5.0)[:, None]
    assert ours(points) == pytest.approx(theirs(points[[0, 4, 2, 3, 1]]))


def test_a_bandwidth_is_at_most_where_the_kernel_is_flat() -> None:
    flat = Density(np.array([[0.0], [1.0]]), [2], least=0.9)
    assert flat.bandwidths == [0.5]
    assert flat(np.array([[0.0], [1.0]])) == pytest.approx([0.5, 0.5])


def test_two_categories_have_the_spread_of_zero_and_one() -> None:
    column = np.array([[0.0], [1.0], [1.0], [1.0]])
    assert Density(column, [2]).bandwidths == pytest.approx(1.06 * column.std() * 4**-0.2)


def test_gaussian_kernel_by_hand() -> None:
    data = np.array([[0.2], [0.6]])
    density = Density(data, [0])
    h = 1.06 * 0.2 * 2**-0.2
    assert density.bandwidths == pytest.approx([h])
    expected = np.exp(-0.5 * ((0.5 - data[:, 0]) / h) ** 2).mean() / (h * (2 * np.pi) ** 0.5)
    assert density(np.array([[0.5]])) == pytest.approx([expected])


def test_the_product_of_two_variables_by_hand() -> None:
    data = np.array([[0.2, 0.0], [0.6, 1.0]])
    density = Density(data, [0, 3])
    h, g = 1.06 * 2 ** (-1 / 6) * np.array([0.2, 0.5])
    normal = np.exp(-0.5 * ((0.5 - data[:, 0]) / h) ** 2) / (h * (2 * np.pi) ** 0.5)
    assert density.bandwidths == pytest.approx([h, g])
    assert density(np.array([[0.5, 0.0]])) == pytest.approx([(normal[0] * (1 - g) + normal[1] * g / 2) / 2])


def test_equal_numbers_get_the_smallest_bandwidth() -> None:
    assert Density(np.full((5, 1), 0.3), [0], least=0.01).bandwidths == [0.01]


def test_draws() -> None:
    data = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0]])
    density = Density(data, [0, 4], least=0.2)
    points = density.draw(20_000, np.random.default_rng(0), widen=1.0)
    assert points[:, 0].min() >= 0
    assert points[:, 0].max() <= 1
    h = density.bandwidths[1]
    expected = np.array([2 / 3, 0, 1 / 3, 0]) * (1 - h) + h / 4
    assert np.bincount(points[:, 1].astype(int), minlength=4) / 20_000 == pytest.approx(expected, abs=0.015)


def test_numbers_are_drawn_from_normals_cut_at_the_ends() -> None:
    points = Density(np.zeros((3, 1)), [0], least=0.05).draw(20_000, np.random.default_rng(0), widen=3.0)
    assert points.mean() == pytest.approx(3 * 0.05 * (2 / np.pi) ** 0.5, rel=0.02)


def test_draws_leave_the_data_alone() -> None:
    data = np.array([[0.2], [0.6]])
    density = Density(data, [0])
    density.draw(10, np.random.default_rng(0))
    assert density.data.tolist() == [[0.2], [0.6]]
