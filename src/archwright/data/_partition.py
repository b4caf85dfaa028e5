"""Which sample is for training, which for validation, which for the final test."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from archwright.errors import UserError

PARTS = ("train", "valid", "test")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Partition:
    """A split of a data set, made once and stored.

    Args:
        train, valid, test: int64 positions in the source, disjoint.
        fingerprint: sha256 of the source's raw data; empty if not known.
        seed: what it was drawn with.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    fingerprint: str = ""
    seed: int = 0

    @property
    def indices(self) -> dict[str, np.ndarray]:
        return {part: getattr(self, part) for part in PARTS}

    def save(self, path: str | Path) -> None:
        """Write as `.npz`, to a temporary name first."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        with partial.open("wb") as file:
            np.savez_compressed(
                file,
                allow_pickle=False,
                fingerprint=np.array(self.fingerprint),
                seed=np.array(self.seed),
                **self.indices,
            )
        partial.replace(target)

    @classmethod
    def read(cls, path: str | Path) -> Partition:
        """Read what `save` wrote.

        Raises:
            UserError: no such file, or not a stored split.
        """
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return cls.of({key: stored[key] for key in stored.files})
        except (OSError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
            reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            raise UserError(f"stored split {path} cannot be read: {reason}") from error

    @classmethod
    def of(cls, stored: Mapping[str, np.ndarray | str | int]) -> Partition:
        """From a mapping with train, valid, test and, if known, fingerprint and seed.

        Raises:
            UserError: a part is missing.
        """
        missing = [part for part in PARTS if part not in stored]
        if missing:
            raise UserError(f"a split needs train, valid and test; missing: {', '.join(missing)}")
        parts = {part: np.asarray(stored[part]).reshape(-1) for part in PARTS}
        for part, positions in parts.items():
            if positions.size and positions.dtype.kind not in "iu":
                raise UserError(f"a split holds positions, but {part} holds {positions.dtype}")
        parts = {part: positions.astype(np.int64) for part, positions in parts.items()}
        return cls(**parts, fingerprint=str(stored.get("fingerprint", "")), seed=int(stored.get("seed", 0)))

    def check(self, samples: int, fingerprint: str, name: str) -> Partition:
        """This partition with its fingerprint filled in, if it fits the data.

        Raises:
            UserError: the data changed, or the indices are not those of disjoint samples of it; only test may be empty.
        """
        if self.fingerprint and self.fingerprint != fingerprint:
            raise UserError(
                f"the data of {name} changed since the split was stored: fingerprint {fingerprint[:12]}, "
                f"stored {self.fingerprint[:12]}; restore the data or start a new run"
            )
        every = np.concatenate([self.train, self.valid, self.test])
        empty = [part for part in ("train", "valid") if not len(self.indices[part])]
        if empty:
            raise UserError(f"stored split of {name}: {empty[0]} is empty")
        if every.min() < 0 or every.max() >= samples:
            raise UserError(f"stored split of {name}: indices reach {every.max()} but the data has {samples} samples")
        if len(np.unique(every)) < len(every):
            raise UserError(f"stored split of {name}: the same sample is in two places")
        return dataclasses.replace(self, fingerprint=fingerprint)


def cut(
    y: np.ndarray, fixed: Mapping[str, np.ndarray], classes: tuple[str, ...], *, valid: float, test: float, seed: int
) -> dict[str, np.ndarray]:
    """Stratified train, valid and test.

    Args:
        y: int64 (N,).
        fixed: parts that the source already names ("valid", "test"); they are kept, and the others cut from the rest.
        valid, test: fractions of the samples that are in no fixed part.
        seed: equal seeds give equal parts.

    Returns:
        Sorted positions.

    Raises:
        UserError: fractions out of range, or a class with too few samples for every part to be cut.
    """
    wanted = {part: share for part, share in (("test", test), ("valid", valid)) if part not in fixed}
    _check_fractions(wanted)
    rest = np.setdiff1d(np.arange(len(y)), np.concatenate([np.empty(0, np.int64), *fixed.values()]))
    _check_classes(y[rest], classes, least=1 + len(wanted))
    parts = {part: np.sort(positions) for part, positions in fixed.items()}
    free = len(rest)
    for part, share in wanted.items():
        rest, parts[part] = _stratified(rest, y[rest], max(round(share * free), len(classes)), seed)
    parts["train"] = rest
    left_out = np.flatnonzero(np.bincount(y[rest], minlength=len(classes)) == 0)
    if len(left_out):
        raise UserError(f"class {classes[left_out[0]]!r} has no training sample left; make valid and test smaller")
    return parts


def _check_fractions(wanted: Mapping[str, float]) -> None:
    for part, share in wanted.items():
        if not 0 < share < 1:
            raise UserError(f"{part} must be a fraction between 0 and 1, got {share}")
    if sum(wanted.values()) >= 1:
        raise UserError(f"valid and test leave nothing for training: together {sum(wanted.values()):g}")


def _check_classes(y: np.ndarray, classes: tuple[str, ...], least: int) -> None:
    counts = np.bincount(y, minlength=len(classes))
    few = int(counts.argmin())
    if counts[few] < least:
        raise UserError(
            f"class {classes[few]!r} has {counts[few]} samples outside a given valid or test part; "
            f"at least {least} are needed to split"
        )


def _stratified(positions: np.ndarray, y: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split  # 2 s to import

    if len(positions) - size < len(np.unique(y)):
        raise UserError(
            f"{len(positions)} samples are too few to set {size} of them apart; make valid and test smaller"
        )
    rest, apart = train_test_split(positions, test_size=size, stratify=y, random_state=seed)
    return np.sort(rest), np.sort(apart)
