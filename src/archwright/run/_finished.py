"""A run that is over."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from torch import nn

from archwright import data, export
from archwright.errors import UserError
from archwright.run._folder import Folder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finished:
    """What a finished run left.

    Args:
        folder: of the run.
        result: content of `result.json`.
        config: content of `config.yaml`.
    """

    folder: Path
    result: dict[str, Any]
    config: dict[str, Any]

    def model(self) -> nn.Module:
        """The answer as a plain network on raw input, from `best/model.py` and its weights."""
        return export.load(self.folder / "best")

    def splits(self) -> data.Splits:
        """The data with the split of the run."""
        return data.load(
            self.config["data"],
            seed=self.config.get("seed", 0),
            label=self.config.get("label"),
            indices=self.folder / "split.npz",
        )


def opened(folder: str | os.PathLike[str]) -> Finished:
    """Open the folder of a finished run.

    Raises:
        UserError: not the folder of a run, or the run is not finished.
        ArchwrightError: its result or configuration cannot be read.
    """
    path = Path(folder)
    if not (path / "config.yaml").exists():
        raise UserError(f"{path} is not the folder of a run (no config.yaml)")
    if not (path / "result.json").exists():
        raise UserError(f"the run in {path} is not finished; the command that started it continues it")
    place = Folder(path)
    return Finished(folder=path, result=place.read_json("result.json"), config=place.read_config())
