"""Table columns -> numbers, fitted on the training part."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import TYPE_CHECKING

import numpy as np

from archwright.data._columns import CategoricalColumn, NumericColumn, is_number, numbers, words
from archwright.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_logger = logging.getLogger(__name__)

_MOST_CATEGORIES = 100
_FEW = 20


@dataclasses.dataclass(frozen=True)
class TableEncoder:
    """The columns of a table in order, each with its way to numbers."""

    columns: tuple[NumericColumn | CategoricalColumn, ...]

    @classmethod
    def fit(cls, frame: pd.DataFrame) -> TableEncoder:
        """From training rows.

        Numbers, booleans, dates and durations are kept, missing ones replaced by the median. Other columns become
        one-hot over the (at most 100 most frequent) categories seen. Left out, with a warning: columns without any
        value, and columns of words where more than half of the rows differ (identifiers, free text).

        Raises:
            UserError: nothing is left.
        """
        columns = [column for name in frame.columns if (column := _fit_column(str(name), frame[name])) is not None]
        if not columns:
            raise UserError(f"no usable feature column among: {', '.join(map(str, frame.columns)) or 'none'}")
        return cls(tuple(columns))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the F numbers: `"age"`, `"colour=red"`."""
        return tuple(feature for column in self.columns for feature in column.features)

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """float32 (N, F); columns that were not there when fitted are ignored.

        Raises:
            UserError: a column is missing, is no longer a number, or holds an infinite value.
        """
        missing = [column.name for column in self.columns if column.name not in frame.columns]
        if missing:
            raise UserError(f"the table lacks the column {missing[0]!r}; it has: {', '.join(map(str, frame.columns))}")
        return np.concatenate([_encode(column, frame[column.name]) for column in self.columns], axis=1)

    def to_json(self) -> str:
        """Text from which `from_json` makes an equal encoder."""
        return json.dumps([dataclasses.asdict(column) for column in self.columns])

    @classmethod
    def from_json(cls, text: str) -> TableEncoder:
        """The encoder that `to_json` described."""
        return cls(tuple(_column(**fields) for fields in json.loads(text)))


def _column(
    name: str, fill: float | None = None, categories: list[str] | None = None
) -> NumericColumn | CategoricalColumn:
    if categories is not None:
        return CategoricalColumn(name=name, categories=tuple(categories))
    return NumericColumn(name=name, fill=0.0 if fill is None else fill)


def _encode(column: NumericColumn | CategoricalColumn, values: pd.Series) -> np.ndarray:
    try:
        encoded = column.encode(values)
    except (ValueError, TypeError) as error:
        raise UserError(f"column {column.name!r} must hold numbers, as in training: {error}") from error
    if not np.isfinite(encoded).all():
        raise UserError(f"column {column.name!r} holds {int((~np.isfinite(encoded)).sum())} infinite values")
    return encoded


def _fit_column(name: str, values: pd.Series) -> NumericColumn | CategoricalColumn | None:
    if not values.notna().any():
        _logger.warning("column %r has no value in the training part; left out", name)
        return None
    if is_number(values):
        return NumericColumn(name=name, fill=float(np.nanmedian(numbers(values))))
    found, counts = np.unique(words(values).astype(str), return_counts=True)
    if len(found) > max(_FEW, len(values) // 2):
        _logger.warning("column %r has %d different words in %d rows; left out", name, len(found), len(values))
        return None
    if len(found) > _MOST_CATEGORIES:
        found = np.sort(found[np.argsort(-counts, kind="stable")[:_MOST_CATEGORIES]])
    return CategoricalColumn(name=name, categories=tuple(str(category) for category in found))
