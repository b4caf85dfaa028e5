"""Every code block of the README and the docs runs, made small.

A page is run from top to bottom in a folder of its own:

- ```python: executed, the names of earlier blocks are known. A block that begins with `# name.py` is written
  to that file.
- ```bash, ```console: lines (of a console block those after `$`) are run. `archwright` runs in this process and must
  exit with 0, or with the code in a comment at the end of the line: `# exit code 2`. `pip`, `pytest` and other tools of
  the developer are skipped. Of any other command in a console block the output is compared.
- `<!-- test: slow -->` on a page marks it as slow, `<!-- test: tables -->` as in need of the tables in ARCHWRIGHT_DATA.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_iris

from archwright import recipes
from archwright.cli import main
from archwright.run import Config

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WHERE = ("*.md", "guides/*.md", "explanation/*.md", "systems/*.md")
PAGES = [ROOT / "README.md", *sorted(page for pattern in WHERE for page in DOCS.glob(pattern))]
SKIPPED = ("pip", "pytest", "ruff", "mypy", "mkdocs", "pre-commit", ".", "git")
BLOCK = re.compile(r"^```(python|bash|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SMALLER = ((r"\bepochs=\d+", "epochs=1"), (r"\btrials=(1\d|[2-9]\d|\d{3,})\b", "trials=8"))
SMALLER_WORDS = {"--repeats": "3", "--count": "20"}
TABLES = Path(os.environ.get("ARCHWRIGHT_DATA", "/nowhere")) / "nas"
MARKS = {
    "slow": pytest.mark.slow,
    "tables": pytest.mark.skipif(not TABLES.is_dir(), reason="ARCHWRIGHT_DATA does not hold nas/"),
}
CHECK = recipes.check


def _check_small(mapping: Mapping[str, Any], **runtime: Any) -> Config:
    """`recipes.check` of the recipe at smoke size; every way to a run passes through it."""
    return CHECK(recipes.override(mapping, _changes(mapping)), **runtime)


def _changes(mapping: Mapping[str, Any]) -> Iterator[str]:
    for phase in mapping["phases"]:
        name = phase if isinstance(phase, str) else next(iter(phase))
        if name in ("train-supernet", "train"):
            yield from (f"phases.{name}.trainer.epochs=2", f"phases.{name}.trainer.warmup=0")
        if name == "verify":
            yield from ("phases.verify.networks=2", "phases.verify.trainer.epochs=1")
        if name == "search-by-gradient":
            yield "phases.search-by-gradient.trainer.epochs=1"
        if name == "search":
            yield "phases.search.trials=6"
            if "train" in (phase[name].get("estimator") or {}):
                yield "phases.search.estimator.train.trainer.epochs=1"


def _pages() -> list[object]:
    return list(_marked())


def _marked() -> Iterator[object]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if not BLOCK.search(text):
            continue
        marks = [mark for word, mark in MARKS.items() if f"<!-- test: {word} -->" in text]
        yield pytest.param(page, id=page.parent.name + "-" + page.stem, marks=marks)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder of a page, with what pages take for granted: photos/, table.csv, digits.npz."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipes, "check", _check_small)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    rng = np.random.default_rng(0)
    for low, name in ((0, "cat"), (120, "dog")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(low, low + 120, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    iris = load_iris(as_frame=True)
    iris.data.assign(species=iris.target_names[iris.target]).to_csv("table.csv", index=False)
    np.savez("digits.npz", x=rng.integers(0, 17, (3, 1, 8, 8)).astype(np.float32))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("page", _pages())
def test_every_block_of_the_page_runs(page, folder):
    names: dict[str, object] = {"__name__": page.stem}
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            _python(text, names, page.name)
        else:
            for command, output in _commands(text, console=language == "console"):
                _shell(command, output)


def _python(text: str, names: dict[str, object], where: str) -> None:
    file = re.match(r"# (\w+\.py)\n", text)
    if file:
        Path(file[1]).write_text(text, encoding="utf-8")
        return
    for pattern, small in SMALLER:
        text = re.sub(pattern, small, text)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(text, where, "exec"), names)


def _commands(text: str, *, console: bool) -> Iterator[tuple[str, str]]:
    """Command lines with the output that a console block shows below them."""
    if not console:
        yield from ((line, "") for line in text.splitlines() if line.strip())
        return
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def _shell(command: str, output: str) -> None:
    expected = re.search(r"# exit code (\d+)", command)
    parts: list[list[str]] = [[]]
    for word in shlex.split(command, comments=True):
        if word == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    for words in parts:
        if not words or words[0] in SKIPPED:
            continue
        if words[0] == "archwright":
            _archwright(words[1:], int(expected[1]) if expected else 0)
        else:
            words[0] = sys.executable if words[0] == "python" else words[0]
            done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
            assert not output or done.stdout == output


def _archwright(words: list[str], expected: int) -> None:
    words = _small(words)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = main(words)
    assert code == expected, f"archwright {shlex.join(words)} exited with {code}:\n{printed.getvalue()}"


def _small(words: list[str]) -> list[str]:
    """The same command at smoke size."""
    for option, value in SMALLER_WORDS.items():
        if option in words:
            words[words.index(option) + 1] = value
    return words
