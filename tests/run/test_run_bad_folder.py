"""Run folders that are full, read-only or damaged: one line that says what is wrong, and the right exit code."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from archwright.cli import main

SMALL = (
    "phases.train-supernet.trainer.epochs=1",
    "phases.train-supernet.trainer.warmup=0",
    "phases.search.trials=4",
    "phases.search.batch=4",
    "phases.search.baseline=false",
    "phases.train.trainer.epochs=1",
    "phases.train.trainer.warmup=0",
    "phases.verify.networks=2",
    "phases.verify.trainer.epochs=1",
)
WORDS = [word for setting in SMALL for word in ("--set", setting)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert main(["search", "digits", *WORDS, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def again(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Damage a copy of the finished run, whose result is taken away, and run again: the line said about it."""

    def run(name: str, damage: Callable[[Path], object], code: int = 1, *, keep: tuple[str, ...] = ()) -> str:
        folder = tmp_path / "run"
        shutil.copytree(finished, folder)
        if "result.json" not in keep:
            (folder / "result.json").unlink()
        damage(folder / name)
        capsys.readouterr()
        assert main(["search", "digits", *WORDS, "--out", str(folder)]) == code
        return one_line(capsys.readouterr().err)

    return run


def one_line(errors: str) -> str:
    (line,) = errors.splitlines()
    assert line.startswith("archwright: error: ")
    assert "--debug shows where" not in line, line
    assert len(line) < 500
    return line


def text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '"done"', "\x00"])
def test_damaged_result(again: Callable[..., str], content: str) -> None:
    assert re.search(r"cannot read .*result\.json: .*; delete it", again("result.json", text(content)))


@pytest.mark.parametrize("content", ["", "a: [", "- 1", "\x00\x01", "just words"])
def test_damaged_configuration(again: Callable[..., str], content: str) -> None:
    assert re.search(r"cannot read .*config\.yaml: ", again("config.yaml", text(content)))


@pytest.mark.parametrize("content", ["{", '{"architecture": 3}', '{"architecture": {"width": 3}}', "[]"])
def test_damaged_choice(again: Callable[..., str], content: str) -> None:
    assert re.search(r"cannot read .*chosen\.json: .*; delete it", again("chosen.json", text(content)))


@pytest.mark.parametrize("content", ["{", "[]", '{"prepare": "long"}'])
def test_damaged_times(again: Callable[..., str], content: str) -> None:
    assert re.search(r"cannot read .*seconds\.json: .*; delete it", again("seconds.json", text(content)))


class Hostile:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.mark}",)


def test_hostile_split_is_not_executed(again: Callable[..., str], tmp_path: Path) -> None:
    def damage(path: Path) -> None:
        parts = {part: np.array([Hostile(tmp_path / "mark")], dtype=object) for part in ("train", "valid", "test")}
        np.savez(path, **parts)

    assert re.search(r"stored split .*split\.npz cannot be read: ", again("split.npz", damage, 2))
    assert not (tmp_path / "mark").exists()


def test_damaged_split(again: Callable[..., str]) -> None:
    assert "split.npz cannot be read" in again("split.npz", text("nothing"), 2)


@pytest.mark.parametrize("kind", ["pickle", "torch", "legacy", "zip", "text", "empty", "cut", "other", "partial"])
@pytest.mark.parametrize("name", ["supernet.pt", "refit.pt"])
def test_damaged_checkpoint_is_not_executed(again: Callable[..., str], tmp_path: Path, kind: str, name: str) -> None:
    mark = tmp_path / "mark"

    def damage(path: Path) -> None:
        hostile = {"format": "archwright.train", "version": 1, "module": Hostile(mark)}
        if kind == "pickle":
            path.write_bytes(pickle.dumps(hostile))
        elif kind == "torch":
            torch.save(hostile, path)
        elif kind == "legacy":
            torch.save(hostile, path, _use_new_zipfile_serialization=False)
        elif kind == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("archive/data.pkl", pickle.dumps(hostile))
        elif kind == "cut":
            path.write_bytes(path.read_bytes()[:1000])
        elif kind == "other":
            torch.save([1, 2], path)
        elif kind == "partial":
            torch.save({"format": "archwright.train", "version": 1}, path)
        else:
            path.write_text("" if kind == "empty" else "weights")

    line = again(f"checkpoints/{name}", damage)
    assert re.search(rf"checkpoints/{name}", line)
    assert re.search(r"delete it", line)
    assert not mark.exists()


@pytest.mark.parametrize("content", ["not a database", "SQLite format 3\x00" + "x" * 500])
def test_damaged_trials(again: Callable[..., str], content: str) -> None:
    assert re.search(r"cannot open study storage .*study\.db: ", again("study.db", text(content)))


def test_trials_of_another_study(again: Callable[..., str]) -> None:
    def damage(path: Path) -> None:
        path.unlink()
        from archwright.space import Ordinal, Space
        from archwright.study import Study

        space = Space([Ordinal("a", (1, 2))])
        Study(space, "random", lambda arch: {"accuracy": 1.0}, storage=path, name="search").run(trials=1)

    assert re.search(r"study 'search' in .*study\.db is another one", again("study.db", damage, 2))


def test_best_in_the_way(again: Callable[..., str]) -> None:
    def damage(path: Path) -> None:
        shutil.rmtree(path)
        path.write_text("")

    assert re.search(r"cannot export to .*best: it is a file", again("best", damage, 2))


def test_half_written_files_are_cleared_away(again: Callable[..., str], finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / "result.json").unlink()
    for name in (".result.json.tmp", "checkpoints/.supernet.pt.123.tmp", ".split.npz.99.tmp", ".latency.json.7.tmp"):
        (folder / name).write_text("half")
    (folder / ".best.123.tmp").mkdir()
    (folder / ".best.123.tmp" / "model.py").touch()
    mine = folder / "notes.tmp"
    mine.touch()
    assert main(["search", "digits", *WORDS, "--out", str(folder)]) == 0
    assert {path.name for path in folder.rglob("*.tmp")} == {"notes.tmp"}


def test_a_file_in_the_place_of_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        (tmp_path / "file").touch()
        assert main(["search", "digits", *WORDS, "--out", str(place)]) == 2
        assert re.search(r"cannot use .* as run folder: ", one_line(capsys.readouterr().err))


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """A small file system of its own, where that is allowed."""
    place = tmp_path / "mounted"
    place.mkdir()

    def mount(*options: str) -> Path:
        if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
            pytest.skip("needs root to mount")
        if subprocess.run(["mount", *options, place], capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        return place

    yield mount
    subprocess.run(["umount", "-l", place], capture_output=True)


@pytest.mark.parametrize("size", ["64k", "300k", "600k", "900k"])
def test_full_disk(mounted: Callable[..., Path], size: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = mounted("-t", "tmpfs", "-o", f"size={size}", "tmpfs")
    folder = place / "run"
    assert main(["search", "digits", *WORDS, "--out", str(folder)]) == 1
    assert re.search("No space left on device|disk is full", one_line(capsys.readouterr().err))
    subprocess.run(["mount", "-o", "remount,size=50M", place], check=True)
    assert main(["search", "digits", *WORDS, "--out", str(folder)]) == 0


@pytest.mark.parametrize("left", [16, 96])
def test_disk_that_fills_at_the_end(
    mounted: Callable[..., Path], finished: Path, left: int, capsys: pytest.CaptureFixture[str]
) -> None:
    place = mounted("-t", "tmpfs", "-o", "size=50M", "tmpfs")
    folder = place / "run"
    shutil.copytree(finished, folder)
    shutil.rmtree(folder / "best")
    for name in ("result.json", "report.html", "summary.csv"):
        (folder / name).unlink()
    used = shutil.disk_usage(place).used // 1024
    subprocess.run(["mount", "-o", f"remount,size={used + left}k", place], check=True)
    assert main(["search", "digits", *WORDS, "--out", str(folder)]) == 1
    assert re.search("No space left on device|disk is full", one_line(capsys.readouterr().err))
    subprocess.run(["mount", "-o", "remount,size=50M", place], check=True)
    assert main(["search", "digits", *WORDS, "--out", str(folder)]) == 0


@pytest.mark.parametrize("begun", [False, True])
def test_read_only_folder(
    mounted: Callable[..., Path], finished: Path, begun: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    if begun:
        shutil.copytree(finished, source / "run")
        (source / "run" / "result.json").unlink()
    place = mounted("--bind", source)
    subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
    assert main(["search", "digits", *WORDS, "--out", str(place / "run")]) == 2
    assert re.search(r"cannot (use|write in) .*run.*: Read-only file system", one_line(capsys.readouterr().err))


def test_finished_run_opens_with_its_errors_in_one_line(finished: Path, tmp_path: Path) -> None:
    from archwright import run
    from archwright.errors import ArchwrightError

    for name in ("result.json", "config.yaml"):
        folder = tmp_path / name
        shutil.copytree(finished, folder)
        (folder / name).write_text("{")
        with pytest.raises(ArchwrightError, match=f"cannot read .*{name}") as caught:
            run.opened(folder)
        assert "\n" not in str(caught.value)


def test_nothing_is_said_by_torch_or_optuna(finished: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "digits", *WORDS, "--out", str(finished)]) == 0
    assert capfd.readouterr().err == ""
