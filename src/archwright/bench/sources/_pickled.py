"""Numbers out of pickles, without running what a pickle says.

Several publishers store dictionaries or pandas frames of numbers as pickles. Only built-in containers, texts, NumPy
numbers and arrays are made here, and stand-ins for the frames; a pickle that names anything else is refused.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError


class _Frame:
    """Stands for an object of pandas, or what makes one: what it was called with and the state it was given."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __call__(self, *arguments: Any) -> _Frame:
        return _Frame(*arguments)

    def __setstate__(self, state: Any) -> None:
        self.state = state


def read_numbers(data: bytes) -> Any:
    """The object in a pickle of dictionaries, lists, tuples, texts and numbers; NumPy scalars become floats.

    Raises:
        UserError: it names anything else.
    """
    return _Numbers(io.BytesIO(data)).load()


def read_arrays(data: bytes) -> Any:
    """As `read_numbers`, and NumPy arrays.

    Raises:
        UserError: it names anything else.
    """
    return _Arrays(io.BytesIO(data)).load()


def read_frame(data: bytes) -> dict[str, NDArray[Any]]:
    """The columns of a pickled pandas frame, as pandas 1.0 or 1.4 wrote it.

    Raises:
        UserError: it names anything but frames, arrays, texts and numbers.
    """
    state = _Frames(io.BytesIO(data)).load().state
    if "_mgr" in state:
        blocks, axes = state["_mgr"].arguments
        parts = [block.arguments for block in blocks]
    else:
        old = state["_data"].state[-1]["0.14.1"]
        axes, parts = old["axes"], [(block["values"], block["mgr_locs"]) for block in old["blocks"]]
    names = axes[0].arguments[1]["data"]
    columns: dict[str, NDArray[Any]] = {}
    for values, places in parts:
        columns.update(zip(map(str, names[places]), values, strict=True))
    return columns


class _Numbers(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = self._known()
        module = module.replace("numpy._core", "numpy.core")
        if (module, name) not in known:
            raise UserError(f"the file names {module}.{name}, which a table does not need")
        return known[module, name]

    def _known(self) -> Mapping[tuple[str, str], Any]:
        return {("numpy", "dtype"): np.dtype, ("numpy.core.multiarray", "scalar"): _scalar}


class _Arrays(_Numbers):
    def _known(self) -> Mapping[tuple[str, str], Any]:
        return {
            **super()._known(),
            ("collections", "OrderedDict"): OrderedDict,
            ("_codecs", "encode"): lambda text, _="latin1": str(text).encode("latin1"),  # bytes of old protocols
            ("numpy", "ndarray"): np.ndarray,
            ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
            ("numpy.core.numeric", "_frombuffer"): _array,
        }


class _Frames(_Arrays):
    def _known(self) -> Mapping[tuple[str, str], Any]:
        return {
            **super()._known(),
            ("builtins", "slice"): slice,
            ("functools", "partial"): _Frame,
            ("pandas.core.frame", "DataFrame"): _Frame,
            ("pandas.core.internals.blocks", "new_block"): _Frame,
            ("pandas.core.internals.managers", "BlockManager"): _Frame,
            ("pandas.core.indexes.base", "_new_Index"): _Frame,
            ("pandas.core.indexes.base", "Index"): _Frame,
            ("pandas.core.indexes.range", "RangeIndex"): _Frame,
        }


def _scalar(kind: np.dtype[Any], data: bytes) -> float:
    if kind.kind not in "iuf":
        raise UserError(f"the file holds a scalar of type {kind}, not a number")
    return float(np.frombuffer(data, kind, 1)[0])


def _array(data: bytes, kind: np.dtype[Any], shape: tuple[int, ...], order: Any) -> NDArray[Any]:
    return np.frombuffer(data, kind).reshape(shape, order=order)
