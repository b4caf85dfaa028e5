"""How one column of a table becomes numbers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_NUMBER_OBJECTS = ("decimal", "integer", "floating", "mixed-integer-float", "boolean")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NumericColumn:
    """Kept as it is; a missing value becomes `fill`, the median of the training part."""

    name: str
    fill: float

    @property
    def features(self) -> tuple[str, ...]:
        return (self.name,)

    def encode(self, column: pd.Series) -> np.ndarray:
        """float32 (N, 1)"""
        values = numbers(column)
        with np.errstate(over="ignore"):  # becomes infinite, which the encoder refuses
            return np.where(np.isnan(values), self.fill, values).astype(np.float32)[:, None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CategoricalColumn:
    """One-hot over `categories`, those of the training part; any other value becomes zeros."""

    name: str
    categories: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(f"{self.name}={category}" for category in self.categories)

    def encode(self, column: pd.Series) -> np.ndarray:
        """float32 (N, len(categories))"""
        return (words(column)[:, None] == np.array(self.categories, dtype=object)).astype(np.float32)


def is_number(column: pd.Series) -> bool:
    """Whether `numbers` makes sense of the column."""
    import pandas as pd

    kinds = (pd.api.types.is_numeric_dtype, pd.api.types.is_datetime64_any_dtype, pd.api.types.is_timedelta64_dtype)
    return any(kind(column) for kind in kinds) or pd.api.types.infer_dtype(column, skipna=True) in _NUMBER_OBJECTS


def numbers(column: pd.Series) -> np.ndarray:
    """float64 (N,), NaN where missing; dates become days since 1970, durations days."""
    import pandas as pd

    if pd.api.types.is_timedelta64_dtype(column):
        return (column / pd.Timedelta(days=1)).to_numpy(np.float64)
    if pd.api.types.is_datetime64_any_dtype(column):
        return ((column - pd.Timestamp(0, tz=column.dt.tz)) / pd.Timedelta(days=1)).to_numpy(np.float64)
    return column.to_numpy(np.float64, na_value=np.nan)


def words(column: pd.Series) -> np.ndarray:
    """Strings (N,) of dtype object; a missing value is the category "(missing)"."""
    return column.astype("object").where(column.notna(), "(missing)").map(str).to_numpy(dtype=object)
