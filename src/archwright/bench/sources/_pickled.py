"""Numbers out of pickles, without running what a pickle says.

Several publishers store dictionaries of numbers as pickles. Only built-in containers, texts and NumPy numbers are made
here; a pickle that names anything else is refused.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from archwright.errors import UserError

_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")


def read_numbers(data: bytes) -> Any:
    """The object in a pickle of dictionaries, lists, tuples, texts and numbers; NumPy scalars become floats.

    Raises:
        UserError: it names anything else.
    """
    return _Reader(io.BytesIO(data), encoding="latin1").load()


def _scalar(kind: np.dtype[Any], data: bytes) -> float:
    if kind.kind not in "iuf":
        raise UserError(f"the file holds a scalar of type {kind}, not a number")
    return float(np.frombuffer(data, kind, 1)[0])


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): np.dtype,
    **{(module, "scalar"): _scalar for module in _NUMPY},
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise UserError(f"the file names {module}.{name}, which a table does not need")
        return _KNOWN[module, name]
