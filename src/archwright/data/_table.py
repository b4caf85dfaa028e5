"""CSV and Parquet tables with a label column."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from archwright.data._table_encoder import TableEncoder
from archwright.errors import UserError, nearest

if TYPE_CHECKING:
    import pandas as pd

_logger = logging.getLogger(__name__)

LABELS = ("label", "target", "class", "y")
_UNNAMED = "Unnamed: 0"
_MISSING = ["", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None"]


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Feature columns, encoded once the training rows are known."""

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def encode(self, rows: np.ndarray) -> tuple[Tensor, TableEncoder]:
        """float32 (N, F) of all rows, and the encoder fitted on `rows`."""
        encoder = TableEncoder.fit(self.frame.iloc[rows])
        return torch.from_numpy(encoder(self.frame)), encoder


def read_table(path: Path, label: str | None) -> tuple[Table, np.ndarray, str]:
    """Feature columns, labels (N,) and fingerprint.

    Args:
        path: `.csv` or `.parquet`. In CSV an empty field, `?`, `NA`, `NaN`, `null`, ... is a missing value.
        label: name of the label column; None looks for label, target, class or y, in any case.

    Raises:
        UserError: unreadable file, no label column, missing labels.
    """
    frame = _read(path, label)
    column = label_column([str(name) for name in frame.columns], label, path)
    labels = frame[column]
    if labels.isna().any():
        rows = np.flatnonzero(labels.isna())
        raise UserError(
            f"{path}: {len(rows)} rows have no value in the label column {column!r}, first row {rows[0] + 1}"
        )
    digest = hashlib.sha256(path.read_bytes() + f"\0{column}".encode()).hexdigest()
    return Table(frame.drop(columns=column)), labels.to_numpy(), digest


def label_column(columns: list[str], label: str | None, path: Path) -> str:
    """The label column among `columns`.

    Raises:
        UserError: none; lists the columns.
    """
    if label is not None:
        if label not in columns:
            raise UserError(f"{path} has no column {label!r}{nearest(label, columns)}")
        return label
    for wanted in LABELS:
        for column in columns:
            if column.lower() == wanted:
                return column
    raise UserError(
        f"{path} has no column named {', '.join(LABELS)}; say which one is the label. Columns: {', '.join(columns)}"
    )


def _read(path: Path, label: str | None) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path, label)
    except UserError:
        raise
    except (OSError, ValueError, pd.errors.ParserWarning) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} is not a readable table: {reason}") from error
    frame.columns = [str(name) for name in frame.columns]
    if not len(frame):
        raise UserError(f"{path} has no rows")
    if frame.columns.duplicated().any():
        raise UserError(f"{path} has two columns named {frame.columns[frame.columns.duplicated()][0]!r}")
    return frame


def _read_csv(path: Path, label: str | None) -> pd.DataFrame:
    import pandas as pd

    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    separator = max(",;\t", key=header.count)
    columns = [str(name) for name in pd.read_csv(path, sep=separator, nrows=0, encoding="utf-8-sig").columns]
    target = label_column(columns, label, path)
    missing = {column: [""] if column == target else _MISSING for column in columns}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header
        frame = pd.read_csv(
            path, sep=separator, na_values=missing, keep_default_na=False, index_col=False, encoding="utf-8-sig"
        )
    if columns[0] == _UNNAMED:
        _logger.warning("%s: the first column has no name; taken for row numbers and left out", path)
        frame = frame.drop(columns=_UNNAMED)
    return frame
