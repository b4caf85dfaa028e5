"""Tables that are not there come from their publishers, or not at all."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from bench_sources import Publisher, publishing

from archwright import bench
from archwright.bench._table_file import CONTENT, read_table, read_table_if_present
from archwright.bench.sources import SOURCES, content_digest
from archwright.bench.sources._nasbench_macro import convert as convert_macro
from archwright.errors import UserError

FILE = "numbers.npz"
ARRAYS = {"ones": np.array([1.0, 2.0]), "twos": np.array([3, 4], np.int16)}


def convert(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    return {"ones": np.loadtxt(files["ones.txt"]), "twos": np.loadtxt(files["twos.txt"]).astype(np.int16)}


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """Of one table, in two files."""
    with publishing({"ones.txt": b"1 2", "twos.txt": b"3 4"}) as running:
        monkeypatch.setitem(SOURCES, FILE, running.source(convert=convert))
        monkeypatch.setitem(CONTENT, FILE, content_digest(ARRAYS))
        yield running


def refused(root: Path, match: str) -> str:
    """The one line with which the table is refused, after which nothing must be left."""
    before = sorted(root.rglob("*"))
    with pytest.raises(UserError, match=match) as caught:
        read_table(FILE, root)
    assert sorted(root.rglob("*")) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_table_is_fetched_once(publisher: Publisher, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_table_if_present(FILE, tmp_path) == {}
    with caplog.at_level(logging.INFO):
        found = read_table(FILE, tmp_path)
    assert {name: array.tolist() for name, array in found.items()} == {"ones": [1, 2], "twos": [3, 4]}
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["nas", f"nas/{FILE}"]
    assert f"{FILE}: file 2 of 2" in caplog.text
    assert "ones.txt: 3 of 3 bytes" in caplog.text
    assert content_digest(read_table(FILE, tmp_path)) == content_digest(ARRAYS)
    assert publisher.asked == ["ones.txt", "twos.txt"]


def test_downloads_go_into_the_first_folder(publisher: Publisher, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ARCHWRIGHT_DATA", str(tmp_path / "first"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    read_table(FILE)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
    (tmp_path / "first" / "nas").rename(tmp_path / "nas")
    (tmp_path / "cache" / "archwright").mkdir(parents=True)
    (tmp_path / "nas").rename(tmp_path / "cache" / "archwright" / "nas")
    read_table(FILE)
    assert len(publisher.asked) == 2  # found in the cache


def test_a_wrong_checksum_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files["twos.txt"] = b"3 5"
    refused(tmp_path, r"no table numbers\.npz in .*twos\.txt is not the expected file: its checksum is")


def test_a_download_that_breaks_off_leaves_nothing(publisher: Publisher, tmp_path: Path) -> None:
    publisher.short.add("twos.txt")
    refused(tmp_path, r"twos\.txt cannot be downloaded: .*IncompleteRead")
    publisher.short.clear()
    assert len(read_table(FILE, tmp_path)) == 2


def test_nobody_answers(publisher: Publisher, tmp_path: Path) -> None:
    del publisher.files["ones.txt"]
    message = refused(tmp_path, r"ones\.txt cannot be downloaded: .*404")
    assert f"put its published files below {tmp_path / 'nas' / 'originals'}" in message
    assert f"set ARCHWRIGHT_DATA to the folder that holds nas/{FILE}" in message


def test_another_result_of_the_conversion_is_refused(publisher: Publisher, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(CONTENT, FILE, "0" * 64)
    refused(tmp_path, r"numbers\.npz as converted has content \w{12}, expected 000000000000")


def test_files_given_by_hand_need_no_network(publisher: Publisher, tmp_path: Path) -> None:
    folder = tmp_path / "nas" / "originals" / "any"
    folder.mkdir(parents=True)
    (folder / "one").write_bytes(publisher.files["ones.txt"])
    (folder / "two").write_bytes(publisher.files["twos.txt"])
    assert len(read_table(FILE, tmp_path)) == 2
    assert publisher.asked == []
    assert sorted(path.name for path in (tmp_path / "nas").iterdir()) == [FILE, "originals"]


def test_a_folder_that_cannot_be_written(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "nas").write_text("a file where the folder should be")
    refused(tmp_path, r"numbers\.npz cannot be written: ")


def test_a_table_cut_short_is_not_replaced_in_silence(publisher: Publisher, tmp_path: Path) -> None:
    read_table(FILE, tmp_path)
    path = tmp_path / "nas" / FILE
    path.write_bytes(path.read_bytes()[:-30])
    refused(tmp_path, r"bytes\) was cut short or changed: .*; remove it to have it fetched again$")
    np.savez(path, ones=ARRAYS["ones"], twos=ARRAYS["twos"] + 1)
    refused(tmp_path, r"bytes\) was cut short or changed: the sha256 of its arrays begins with")
    np.savez(path, allow_pickle=False, **ARRAYS)  # other bytes, the same table
    assert len(read_table(FILE, tmp_path)) == 2


def test_tables_beside_come_along_as_far_as_they_can(publisher: Publisher, tmp_path: Path, caplog, monkeypatch) -> None:
    monkeypatch.setitem(SOURCES, "second.npz", SOURCES[FILE])
    monkeypatch.setitem(CONTENT, "second.npz", CONTENT[FILE])
    monkeypatch.setitem(SOURCES, "third.npz", SOURCES[FILE])
    monkeypatch.setitem(CONTENT, "third.npz", "0" * 64)
    read_table(FILE, tmp_path, beside=["third.npz", "second.npz"])
    assert sorted(path.name for path in (tmp_path / "nas").iterdir()) == [FILE, "second.npz"]
    assert [record.getMessage()[:18] for record in caplog.records] == ["no table third.npz"]


def test_a_benchmark_fetches_its_table(tmp_path: Path, monkeypatch) -> None:
    rows = {
        "".join(map(str, layers)): {"test_acc": [80.0 + sum(layers)] * 3, "params": sum(layers), "flops": 2}
        for layers in product(range(3), repeat=8)
    }
    with publishing({"data/nas-bench-macro_cifar10.json": json.dumps(rows).encode()}) as running:
        source = running.source(convert=convert_macro)
        (tmp_path / "file.json").write_text(json.dumps(rows))
        digest = content_digest(convert_macro(dict.fromkeys(running.files, tmp_path / "file.json")))
        monkeypatch.setitem(SOURCES, "nasbench_macro.npz", source)
        monkeypatch.setitem(CONTENT, "nasbench_macro.npz", digest)
        found = bench.load("nasbench-macro", root=tmp_path)
        assert found.best()[1] == 96
        assert bench.fetch("nasbench-macro", root=tmp_path) == [tmp_path / "nas" / "nasbench_macro.npz"]
        assert len(running.asked) == 1


def test_every_table_has_a_source_that_stays() -> None:
    assert sorted(SOURCES) == sorted(CONTENT)
    used = {file for name in bench.names() for file in bench.BENCHMARKS.load(name).tables}
    assert used == set(CONTENT)
    stays = r"https://(raw\.githubusercontent\.com/[\w-]+/[\w-]+/[0-9a-f]{40}/|files\.pythonhosted\.org/packages/)\S+"
    for source in SOURCES.values():
        for original in source.originals.values():
            assert re.fullmatch(stays, original.url)
            assert re.fullmatch("[0-9a-f]{64}", original.sha256)


def test_content_is_names_types_shapes_and_values() -> None:
    base = content_digest(ARRAYS)
    assert content_digest(dict(reversed(ARRAYS.items()))) == base
    for other in (
        {"one": ARRAYS["ones"], "twos": ARRAYS["twos"]},
        {**ARRAYS, "ones": ARRAYS["ones"].astype(np.float32)},
        {**ARRAYS, "ones": ARRAYS["ones"][None]},
        {**ARRAYS, "ones": ARRAYS["ones"] + 1e-12},
    ):
        assert content_digest(other) != base
