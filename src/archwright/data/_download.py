"""Files from the network, checked before they get their name."""

from __future__ import annotations

import hashlib
import http.client
import logging
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from archwright.errors import ArchwrightError, UserError

_logger = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]
"""Called with bytes so far and bytes in all (None if the server does not say)."""

_BLOCK = 2**18
_ALGORITHMS = {64: "sha256", 32: "md5"}


def download(
    url: str, checksum: str, folder: str | Path, *, progress: Progress | None = None, timeout: float = 30.0
) -> Path:
    """Fetch `url` into `folder`, under the last part of its path.

    The bytes go to `<name>.part`, which is continued if it is there and the server can, and is renamed when the
    checksum is right. A file that is there already with the right checksum is returned without touching the network.

    Args:
        url: http or https.
        checksum: sha256 (64 hex digits), or md5 (32) where a publisher gives only that.
        folder: made if need be, after the server has answered.
        progress: told about each block.
        timeout: seconds without an answer before giving up.

    Raises:
        UserError: not such a URL or checksum.
        ArchwrightError: no answer, or the wrong bytes.
    """
    name = url.rsplit("/", 1)[-1]
    if not url.startswith(("http://", "https://")) or not name:
        raise UserError(f"cannot download {url!r}: it must be an http or https address of a file")
    if len(checksum) not in _ALGORITHMS:
        raise UserError(f"checksum of {url} must have 64 (sha256) or 32 (md5) hex digits, got {len(checksum)}")
    target = Path(folder) / name
    if target.is_file() and file_digest(target, _ALGORITHMS[len(checksum)]) == checksum.lower():
        return target
    partial = target.with_name(f"{name}.part")
    _fetch(url, partial, progress, timeout)
    found = file_digest(partial, _ALGORITHMS[len(checksum)])
    if found != checksum.lower():
        partial.unlink()
        raise ArchwrightError(f"{url} is not the expected file: its checksum is {found}, expected {checksum}")
    return partial.replace(target)


def file_digest(path: Path, algorithm: str) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _fetch(url: str, partial: Path, progress: Progress | None, timeout: float) -> None:
    done = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            _logger.info("downloading %s", url)
            done = done if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0
            length = response.headers.get("Content-Length")
            _write(response, partial, done, None if length is None else done + int(length), progress)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and done:
            return  # everything was there; the checksum decides
        raise ArchwrightError(f"{url} cannot be downloaded: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise ArchwrightError(f"{url} cannot be downloaded: {reason or type(error).__name__}") from error


def _write(
    response: http.client.HTTPResponse, partial: Path, done: int, total: int | None, progress: Progress | None
) -> None:
    partial.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("ab" if done else "wb") as file:
        while block := response.read(_BLOCK):
            file.write(block)
            done += len(block)
            if progress is not None:
                progress(done, total)
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)
