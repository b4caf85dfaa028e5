import json

import torch

from archwright import data
from archwright.cli import main
from archwright.versions import versions


def test_machine_readable(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["versions"] == versions()
    assert "cpu" in found["devices"]
    assert found["processor"]["torch_threads"] == torch.get_num_threads()
    assert sorted(found["data"]) == data.names()
    assert set(found["extras"]) == {"graph", "text", "ray", "ui", "peers", "postgres"}


def test_data_is_found_where_it_is(capsys, tmp_path, monkeypatch):
    (tmp_path / "images" / "cifar10").mkdir(parents=True)
    monkeypatch.setenv("ARCHWRIGHT_DATA", str(tmp_path))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "images" / "cifar10") in said
    assert "digits         comes with scikit-learn" in said
