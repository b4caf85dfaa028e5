"""`report`: the page of a finished run again, and where it is."""

import json
import webbrowser

import pytest
import yaml

from archwright.cli import main

RESULT = {
    "objectives": ["accuracy", "params"],
    "architecture": {"width": 3},
    "test": {"accuracy": 97.5},
    "params": 1234,
    "limits": {"params": 2000},
    "seconds": 61.0,
    "seed": 0,
    "data": {
        "name": "digits",
        "fingerprint": "ab",
        "classes": ["0", "1"],
        "sizes": {"train": 9, "valid": 4, "test": 40},
    },
}


@pytest.fixture
def finished(tmp_path):
    """The least that a finished run holds."""
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(RESULT))
    (folder / "config.yaml").write_text(yaml.safe_dump({"recipe": "default", "data": "digits", "seed": 0}))
    return folder


def test_writes_the_page_and_says_what_was_found(finished, capsys):
    assert main(["report", str(finished)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"report: {finished / 'report.html'}"
    assert "chosen network: width=3" in lines[0]
    assert "test accuracy 97.5 %" in lines[1]
    assert "97.5" in (finished / "report.html").read_text()
    assert (finished / "summary.csv").read_text().startswith("number,state,key,")


def test_open_shows_the_page(finished, monkeypatch):
    shown = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    assert main(["report", str(finished)]) == 0
    assert shown == []
    assert main(["report", str(finished), "--open"]) == 0
    assert shown == [(finished / "report.html").as_uri()]


def test_not_a_finished_run(finished, tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "is not the folder of a run" in capsys.readouterr().err
    (finished / "result.json").unlink()
    assert main(["report", str(finished)]) == 2
    assert "is not finished" in capsys.readouterr().err
    assert not (finished / "report.html").exists()
