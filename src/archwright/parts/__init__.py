"""How parts are named and set in plain values: the words, the settings and their types, and the way back."""

from archwright.parts._effective import defaults, effective
from archwright.parts._settings import RUNTIME, Setting, settings, values
from archwright.parts._types import component, expected, optional, scalar
from archwright.parts._vocabulary import Vocabulary, registry

__all__ = [
    "RUNTIME", "Setting", "Vocabulary", "component", "defaults", "effective", "expected", "optional", "registry",
    "scalar", "settings", "values",
]  # fmt: skip
