"""Pruning-aware critical sets: what they are stored as."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import Self, final

import numpy as np
import torch
from torch import Tensor

from archwright.data import Splits
from archwright.errors import UserError


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PracSet:
    """The examples that each round of `Prac` trains on. Found with one architecture, it can serve another.

    Args:
        rounds: sorted int64 positions in the training part, for each round; later rounds have the last ones.
        total: examples of the training part.
        fingerprint: of the data.

    Raises:
        UserError: there is no round, or a position out of range.
    """

    rounds: tuple[Tensor, ...]
    total: int
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if not self.rounds:
            raise UserError("a critical set needs at least one round")
        for indices in self.rounds:
            if not len(indices) or int(indices.min()) < 0 or int(indices.max()) >= self.total:
                raise UserError(
                    f"a critical set holds positions from 0 to {self.total - 1}, at least one in each round"
                )

    def __repr__(self) -> str:
        return f"PracSet({', '.join(map(str, self.sizes))} of {self.total})"

    def __getitem__(self, number: int) -> Tensor:
        """Of a round from 0; of later ones than there are, the last."""
        return self.rounds[min(number, len(self.rounds) - 1)]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Examples of each round."""
        return tuple(len(indices) for indices in self.rounds)

    def random_like(self, generator: torch.Generator) -> PracSet:
        """Random sets of the same sizes: the control. If they do as well, it is the smaller data, not the choice of
        examples, that does the work."""
        drawn = [torch.randperm(self.total, generator=generator)[:size].sort().values for size in self.sizes]
        return dataclasses.replace(self, rounds=tuple(drawn))

    def check(self, splits: Splits) -> None:
        """Raises UserError if it was found on other data."""
        if self.total != len(splits.train) or self.fingerprint not in ("", splits.fingerprint):
            raise UserError(
                f"the critical set is of other data: of {self.total} training examples, {splits.name} has "
                f"{len(splits.train)}, or of the same number but others"
            )

    def save(self, path: str | Path) -> None:
        """Write `.npz`."""
        arrays = {f"round{number}": indices.numpy() for number, indices in enumerate(self.rounds)}
        np.savez_compressed(path, total=np.int64(self.total), fingerprint=np.str_(self.fingerprint), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote; nothing is unpickled.

        Raises:
            UserError: the file is none of these.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                rounds = [torch.from_numpy(stored[f"round{n}"]).long() for n in range(len(stored.files) - 2)]
                return cls(tuple(rounds), int(stored["total"]), str(stored["fingerprint"]))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise UserError(f"{path} holds no critical set: {error}") from error
