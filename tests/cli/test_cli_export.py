"""`export`: files that load without archwright."""

import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import torch

from archwright.cli import main

X = np.random.default_rng(0).uniform(0, 2, (7, 1, 8, 8)).astype(np.float32)


def _logits(network):
    with torch.inference_mode():
        return network(torch.from_numpy(X)).numpy()


@pytest.mark.parametrize("out", ["digits.onnx", "deep/er"])
def test_onnx(run_folder, quiet_network, tmp_path, capsys, out):
    assert main(["export", str(run_folder), "--format", "onnx", "--out", str(tmp_path / out)]) == 0
    file = tmp_path / out if out.endswith(".onnx") else tmp_path / out / "model.onnx"
    found = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, {"input": X})[0]
    assert found == pytest.approx(_logits(quiet_network), abs=1e-4)
    said = capsys.readouterr().out
    assert f"{file}  {file.stat().st_size:,} bytes" in said
    assert "logits differ by at most" in said


def test_torch_folder_loads_without_archwright(run_folder, quiet_network, tmp_path):
    folder = tmp_path / "plain"
    assert main(["export", str(run_folder), "--format", "torch", "--out", str(folder)]) == 0
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "architecture.json",
        "model.py",
        "model.safetensors",
    ]
    np.save(tmp_path / "x.npy", X)
    code = (
        "import sys, numpy, torch\nsys.modules['archwright'] = None\nfrom model import load\n"
        f"print(load()(torch.from_numpy(numpy.load({str(tmp_path / 'x.npy')!r}))).argmax(1).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == str(_logits(quiet_network).argmax(1).tolist()), done.stderr


def test_default_place_is_the_folder_of_the_network(run_folder, capsys):
    before = (run_folder / "best" / "architecture.json").read_text()
    assert main(["export", str(run_folder), "--format", "onnx"]) == 0
    assert str(run_folder / "best" / "model.onnx") in capsys.readouterr().out
    assert (run_folder / "best" / "architecture.json").read_text() == before


def test_mistakes(run_folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["export", str(tmp_path / "none"), "--format", "onnx"]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main(["export", str(run_folder), "--format", "torch", "--out", str(tmp_path / "file")]) == 2
    assert "--out takes a folder" in capsys.readouterr().err
    assert main(["export", str(run_folder)]) == 2
    assert "--format" in capsys.readouterr().err
