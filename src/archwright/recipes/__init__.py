"""Recipes: YAML views of typed constructors, checked before anything runs."""

from archwright.recipes._check import check
from archwright.recipes._files import about, by_gradient, names, path, read
from archwright.recipes._overrides import override
from archwright.recipes._quantity import quantity
from archwright.recipes._yaml import write as dump

__all__ = ["about", "by_gradient", "check", "dump", "names", "override", "path", "quantity", "read"]
