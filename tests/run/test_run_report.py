"""The report is written again from the files of a run alone."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import pytest
import yaml

from archwright import run
from archwright.errors import ArchwrightError, UserError
from archwright.run._report import plain
from archwright.space import Ordinal, Space
from archwright.study import Study

SPACE = Space([Ordinal("width", (8, 16, 32))])
RESULT = {
    "objectives": ["accuracy", "params"],
    "limits": {"params": 20},
    "architecture": {"width": 16},
    "test": {"accuracy": 50.0},
    "params": 16,
    "data": {"name": "toy", "classes": ["ant", "bee"], "sizes": {"test": 2}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "best").mkdir()
    files = {"result.json": RESULT, "record.json": {"command": ["archwright", "search"]}}
    files["best/architecture.json"] = {"input_shape": [3]}
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"data": "toy"}))
    (tmp_path / "predictions.csv").write_text("index,label,predicted\n5,0,0\n9,1,0\n")
    for name, trials in (("search", 3), ("baseline", 2)):
        study = Study(
            SPACE,
            "random",
            lambda arch: {"accuracy": 50.0 + arch["width"], "params": arch["width"]},
            objectives=("accuracy", "params"),
            limits={"params": 20},
            storage=tmp_path / "study.db",
            name=name,
        )
        study.run(trials=trials)
    return tmp_path


def test_page_and_table_come_from_the_folder(folder):
    assert run.write_report(folder) == folder / "report.html"
    page = (folder / "report.html").read_text()
    assert "A network for toy" in page
    assert "Random search with 2 candidates (this search: 3)" in page
    assert "torch.zeros(1, 3)" in page
    assert "1 sample of bee called ant" in page
    assert len((folder / "summary.csv").read_text().splitlines()) == 4


def test_again_gives_the_same_page(folder):
    pages = [run.write_report(folder).read_bytes() for _ in range(2)]
    assert pages[0] == pages[1]


def test_without_search_export_and_predictions(folder):
    for name in ("study.db", "predictions.csv", "best/architecture.json", "record.json"):
        (folder / name).unlink()
    assert "No candidates were compared" in run.write_report(folder).read_text()


def test_an_unfinished_run_has_no_report(folder):
    (folder / "result.json").unlink()
    with pytest.raises(UserError, match="not finished"):
        run.write_report(folder)


@pytest.mark.parametrize(
    "content", ["index,label\n1,2\n", "index,label,predicted\n1,a,2\n", "index,label,predicted\n1\n"]
)
def test_damaged_predictions_end_in_one_line(folder, content):
    (folder / "predictions.csv").write_text(content)
    with pytest.raises(ArchwrightError, match=r"cannot read .*predictions\.csv"):
        run.write_report(folder)


def test_a_damaged_study_ends_in_one_line(folder):
    (folder / "study.db").write_text("not a database" * 1000)
    with pytest.raises(ArchwrightError, match=r"study\.db"):
        run.write_report(folder)


def test_graphs_become_plain_values():
    graph = nx.DiGraph([("in", 7), (7, "out")])
    graph.nodes[7]["op"] = "conv"
    assert plain(graph) == {"nodes": ["in", "conv", "out"], "edges": [[0, 1], [1, 2]]}
    assert json.loads(json.dumps(plain(SPACE.graph(SPACE.arch({"width": 8})))))["nodes"] == [
        "input",
        "width=8",
        "output",
    ]
