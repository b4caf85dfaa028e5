"""Sizes: fixed, one ordinal, a product."""

from __future__ import annotations

import pytest
import torch
from supernet_networks import weights

from archwright.errors import UserError
from archwright.space import Choice, Ordinal
from archwright.supernet import Product
from archwright.supernet._dimension import Dimension
from archwright.supernet._selection import selected

WIDTH, EXPANSION = Ordinal("width", (2, 4)), Ordinal("expansion", (0.5, 1, 1.6))


def test_a_fixed_size_needs_no_architecture() -> None:
    assert Dimension(7).resolve() == 7
    assert Dimension(7).variables == ()


def test_sizes_of_a_product_in_the_order_of_itertools() -> None:
    dimension = Dimension(Product(WIDTH, EXPANSION))
    assert dimension.sizes == [1, 2, 3, 2, 4, 6]
    assert dimension.maximum == 6
    with selected({"width": 4, "expansion": 1.6}):
        assert dimension.resolve() == 6


def test_steps_are_one_up_to_each_size() -> None:
    expected = torch.tensor([[1.0, 1, 0, 0], [1, 1, 1, 1]])
    assert torch.equal(Dimension(WIDTH).steps(), expected)


def test_relaxed_product_is_the_outer_product() -> None:
    with selected({"width": weights(0.3, 0.7), "expansion": weights(0.5, 0.2, 0.3)}):
        found = Dimension(Product(WIDTH, EXPANSION)).resolve()
    torch.testing.assert_close(found, weights(0.15, 0.06, 0.09, 0.35, 0.14, 0.21))


def test_a_decided_factor_is_one_hot() -> None:
    with selected({"width": 4, "expansion": weights(0.5, 0.2, 0.3)}):
        found = Dimension(Product(WIDTH, EXPANSION)).resolve()
    torch.testing.assert_close(found, weights(0, 0, 0, 0.5, 0.2, 0.3))


@pytest.mark.parametrize("size", [0, -1, Ordinal("w", (0, 4)), Product(WIDTH, Ordinal("e", (0.1, 1)))])
def test_sizes_below_one_are_refused(size: int | Ordinal | Product) -> None:
    with pytest.raises(UserError, match="positive integers"):
        Dimension(size)


@pytest.mark.parametrize("size", ["8", 2.5, Choice("w", (1, 2))])
def test_other_kinds_of_size_are_refused(size: object) -> None:
    with pytest.raises(UserError, match="an integer, an Ordinal or a Product"):
        Dimension(size)


def test_a_product_is_named_by_its_factors() -> None:
    assert Product(WIDTH, EXPANSION).name == "width x expansion"
    assert Product(WIDTH, EXPANSION) == Product(WIDTH, EXPANSION)
