from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from archwright.data import download
from archwright.errors import ArchwrightError, UserError

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves /table.npz; /short ends early; /ranges continues; `asked` records the Range headers."""

    asked: list[tuple[str, str | None]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        if self.path == "/missing.npz":
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and "ranges" in self.path else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : 300_000 if "short" in self.path else None])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_fetches_checks_and_reports(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = download(
        f"{server.url}/table.npz", SHA256, tmp_path / "new", progress=lambda done, total: seen.append((done, total))
    )
    assert path == tmp_path / "new" / "table.npz"
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["table.npz"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(seen) > 1
    assert all(a[0] < b[0] for a, b in itertools.pairwise(seen))


def test_does_not_ask_again_for_what_is_there(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        download(f"{server.url}/table.npz", SHA256.upper(), tmp_path)
    assert len(server.asked) == 1


def test_replaces_a_damaged_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "table.npz").write_bytes(CONTENT[:-1])
    assert download(f"{server.url}/table.npz", SHA256, tmp_path).read_bytes() == CONTENT


def test_md5_where_that_is_all_there_is(server: Server, tmp_path: Path) -> None:
    checksum = hashlib.md5(CONTENT).hexdigest()
    assert download(f"{server.url}/table.npz", checksum, tmp_path).read_bytes() == CONTENT


def test_wrong_bytes_never_get_the_name(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ArchwrightError, match="not the expected file: its checksum is"):
        download(f"{server.url}/table.npz", "0" * 64, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_download_leaves_a_part_and_is_continued(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ArchwrightError, match=r"cannot be downloaded: .*IncompleteRead"):
        download(f"{server.url}/short", SHA256, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["short.part"]
    (tmp_path / "short.part").rename(tmp_path / "ranges.part")
    assert download(f"{server.url}/ranges", SHA256, tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == ("/ranges", "bytes=300000-")


def test_a_server_that_cannot_continue_starts_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "table.npz.part").write_bytes(b"half of something else")
    assert download(f"{server.url}/table.npz", SHA256, tmp_path).read_bytes() == CONTENT


def test_a_part_that_was_complete_is_used(server: Server, tmp_path: Path) -> None:
    (tmp_path / "ranges.part").write_bytes(CONTENT)
    assert download(f"{server.url}/ranges", SHA256, tmp_path).read_bytes() == CONTENT


def test_no_answer(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ArchwrightError, match="404"):
        download(f"{server.url}/missing.npz", SHA256, tmp_path / "new")
    with pytest.raises(ArchwrightError, match=r"cannot be downloaded: .*refused"):
        download("http://127.0.0.1:9/table.npz", SHA256, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("url", "checksum", "match"),
    [
        ("file:///etc/passwd", SHA256, "must be an http or https address"),
        ("http://127.0.0.1/", SHA256, "must be an http or https address of a file"),
        ("http://127.0.0.1/a", "abc", "got 3"),
    ],
)
def test_refusals(url: str, checksum: str, match: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=match):
        download(url, checksum, tmp_path)
