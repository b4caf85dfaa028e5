"""`score`: every zero-cost score of a network."""

import json

import pytest

from archwright import estimate
from archwright.cli import main


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module beside the user."""
    (tmp_path / "mine_to_score.py").write_text(
        "from torch import nn\n"
        "def net(in_channels, classes, image_size):\n"
        "    return nn.Sequential(nn.Conv2d(in_channels, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),"
        " nn.Linear(8, classes))\n"
        "def plain():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
        "def number():\n"
        "    return 3\n"
        "def demanding(width):\n"
        "    return nn.Linear(width, width)\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "mine_to_score"


def test_every_score_of_an_own_network(own, capsys):
    assert main(["score", f"{own}:net", "--data", "digits", "--json"]) == 0
    rows = {row["score"]: row for row in json.loads(capsys.readouterr().out)}
    assert sorted(rows) == estimate.SCORES.names()
    assert all(isinstance(row["value"], float) and row["seconds"] > 0 for row in rows.values())
    assert rows["params"]["value"] == 8 * 9 + 8 + 80 + 10
    assert rows["naswot"]["batch"] == 128


def test_some_scores_for_people_and_the_baselines(own, capsys):
    assert main(["score", f"{own}:plain", "--data", "digits", "--scores", "naswot,snip"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["score", "naswot", "snip", "params", "flops"]
    assert "NASWOT needs ReLU units" in lines[1]


def test_network_of_a_run_folder(run_folder, capsys):
    assert main(["score", str(run_folder), "--data", "digits", "--scores", "l2-norm", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["score"] for row in rows] == ["l2-norm", "params", "flops"]
    assert rows[1]["value"] == 64 * 3 + 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{own}:net", "needs data to be scored on"),
        ("{own}:net --data digits --scores synflo", "unknown score 'synflo'; did you mean 'synflow'"),
        ("{own}:missing --data digits", "cannot import"),
        ("{own}:number --data digits", "must return a torch.nn.Module, got int"),
        ("{own}:demanding --data digits", "is called with in_channels, classes, image_size, or with nothing"),
        ("none", "no network in none: no such folder"),
    ],
)
def test_mistakes(own, words, message, capsys):
    assert main(["score", *words.format(own=own).split()]) == 2
    assert message in capsys.readouterr().err


def test_data_of_another_shape(table_folder, capsys):
    assert main(["score", str(table_folder), "--data", "digits"]) == 2
    assert "takes (2,), but digits has (1, 8, 8)" in capsys.readouterr().err
