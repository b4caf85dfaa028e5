"""Recipes: YAML views of typed constructors, checked before anything runs."""

from archwright.recipes._check import check
from archwright.recipes._effective import defaults, effective
from archwright.recipes._files import about, names, path, read
from archwright.recipes._overrides import override
from archwright.recipes._quantity import quantity
from archwright.recipes._settings import Setting, settings
from archwright.recipes._types import expected
from archwright.recipes._vocabulary import Vocabulary, registry
from archwright.recipes._yaml import write as dump

__all__ = [
    "Setting", "Vocabulary", "about", "check", "defaults", "dump", "effective", "expected", "names", "override", "path",
    "quantity", "read", "registry", "settings",
]  # fmt: skip
