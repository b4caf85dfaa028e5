"""archwright: automated design and compression of deep networks.

`import archwright as aw` is light: rooms (`aw.zoo`, `aw.cost`, ...) and the names below load on first use.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archwright._design import design
    from archwright.space import Arch, Choice, Ordinal, Real, Space
    from archwright.study import Study
    from archwright.supernet import Supernet

__version__ = importlib.metadata.version("archwright")

_NAMES = {
    "Arch": "space",
    "Choice": "space",
    "Ordinal": "space",
    "Real": "space",
    "Space": "space",
    "Study": "study",
    "Supernet": "supernet",
    "design": "_design",
}
_ROOMS = (
    "bench", "compress", "cost", "data", "errors", "estimate", "export", "gradient", "recipes", "run", "search",
    "sklearn", "space", "statistics", "study", "supernet", "testing", "train", "trial", "zoo",
)  # fmt: skip

__all__ = ["Arch", "Choice", "Ordinal", "Real", "Space", "Study", "Supernet", "__version__", "design"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"archwright.{_NAMES[name]}"), name)
    if name in _ROOMS:
        return importlib.import_module(f"archwright.{name}")
    raise AttributeError(f"module 'archwright' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
