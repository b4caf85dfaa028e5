"""A compact table from the files of its publisher."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from archwright.bench.sources._content import content_digest
from archwright.bench.sources._source import Original, TableSource
from archwright.data._download import download, file_digest
from archwright.errors import ArchwrightError

ORIGINALS = "originals"
_logger = logging.getLogger(__name__)


def fetched(file: str, source: TableSource, expected: str, folder: Path) -> Path:
    """Fetch and convert a table; `<folder>/<file>` appears when it is whole, and nothing stays otherwise.

    Published files that were put below `<folder>/originals` by hand, under any names, are used instead of downloads.

    Args:
        file: name of the compact table.
        source: its published files and what makes the table of them.
        expected: `content_digest` of the table.
        folder: where it goes; made if need be.

    Raises:
        ArchwrightError: no answer, the wrong bytes, or no right to write.
    """
    with _working_folder(folder, file) as work:
        given = _by_hand(folder / ORIGINALS)
        paths = {}
        for number, (name, original) in enumerate(source.originals.items(), 1):
            if original.sha256 in given:
                paths[name] = given[original.sha256]
                continue
            _logger.info("%s: file %d of %d", file, number, len(source.originals))
            paths[name] = _downloaded(original, work / str(number))
        arrays = source.convert(paths)
        found = content_digest(arrays)
        if found != expected:
            raise ArchwrightError(f"{file} as converted has content {found[:12]}, expected {expected[:12]}")
        np.savez_compressed(work / file, allow_pickle=False, **arrays)
        table = (work / file).replace(folder / file)
    _logger.info("%s: converted to %s", file, table)
    return table


def _downloaded(original: Original, folder: Path) -> Path:
    quarters = 0

    def progress(done: int, total: int | None) -> None:
        nonlocal quarters
        if total and 4 * done // total > quarters:
            quarters = 4 * done // total
            _logger.info("%s: %d of %d bytes", original.url.rsplit("/", 1)[-1], done, total)

    return download(original.url, original.sha256, folder, progress=progress)


def _by_hand(folder: Path) -> dict[str, Path]:
    """Files below `folder` by sha256."""
    return {file_digest(path, "sha256"): path for path in sorted(folder.rglob("*")) if path.is_file()}


@contextlib.contextmanager
def _working_folder(folder: Path, file: str) -> Iterator[Path]:
    """A folder on the same disk as `folder`, gone afterwards; `folder` too if it was made for this and stayed empty."""
    made: Sequence[Path] = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{file}-", dir=folder) as work:
            yield Path(work)
    except OSError as error:
        raise ArchwrightError(f"{folder / file} cannot be written: {error.strerror or error}") from error
    finally:
        for place in made:
            with contextlib.suppress(OSError):
                place.rmdir()
