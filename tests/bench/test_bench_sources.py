"""What becomes of publishers' files, on small ones in their forms."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from bench_sources import frame_pickle, written
from bench_tables import ROOT, needs

from archwright.bench.sources import (
    _nas_bench_graph,
    _nasbench101,
    _nasbench201,
    _nasbench201_fewshot,
    _nasbench201_hardware,
    _nasbench201_zerocost,
    _nasbench_macro,
    _nats_size,
    _tanglenas,
    _transnas,
)
from archwright.bench.sources._nasbench101_cells import all_cells
from archwright.bench.sources._pickled import read_frame, read_numbers
from archwright.errors import UserError

DATASETS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
CELLS = {  # two cells of NAS-Bench-201, as its texts say them
    "0": "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|none~1|skip_connect~2|",
    "1": "|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|",
}
OPS = [[4, 2, 1, 3, 0, 1], [0, 0, 3, 1, 3, 0]]
META = json.dumps({"ids": {i: {"nb201-string": text, "isomorph": "0"} for i, text in CELLS.items()}})


def pickled(value: Any) -> bytes:
    """As a NumPy of before version 2 wrote it."""
    return pickle.dumps(value, protocol=3).replace(b"numpy._core.", b"numpy.core.")


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# Pickles --------------------------------------------------------------------------------------------------------------


def test_numbers_out_of_pickles() -> None:
    value = {(1, 2): [np.float64(0.1), 3, "x"], "y": {"z": np.float32(0.5)}}
    for data in (pickled(value), pickle.dumps(value)):
        assert read_numbers(data) == {(1, 2): [0.1, 3, "x"], "y": {"z": 0.5}}


@pytest.mark.parametrize("read", [read_numbers, read_frame])
@pytest.mark.parametrize("name", ["posix\nsystem", "builtins\neval", "builtins\ngetattr", "numpy\nload"])
def test_pickles_that_would_run_something_are_refused(read, name: str, tmp_path: Path) -> None:
    victim = tmp_path / "made"
    with pytest.raises(UserError, match="which a table does not need"):
        read(f"c{name}\n(S'touch {victim}'\ntR.".encode())
    assert not victim.exists()


def test_scalars_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(UserError, match="not a number"):
        read_numbers(pickled(np.str_("text")))


@pytest.mark.parametrize("old", [True, False])
def test_frames_out_of_pickles(old: bool) -> None:
    columns = {"index": np.arange(3), "accuracy": np.array([0.5, 0.25, 1]), "cell": np.array(["a", "b", "c"], object)}
    found = read_frame(frame_pickle(columns, old=old))
    assert {name: column.tolist() for name, column in found.items()} == {
        name: column.tolist() for name, column in columns.items()
    }


# Tables ---------------------------------------------------------------------------------------------------------------


def test_nas_bench_graph(tmp_path: Path) -> None:
    rows = {
        key: {"valid_perf": np.float64(0.5 + key / 1e6), "perf": 0.25, "latency": 0.125, "para": np.float64(2)}
        for key in (51234, 7)
    }
    wheel = zipped({f"nas_bench_graph/light/{name}.bench": pickled(rows) for name in DATASETS})
    found = _nas_bench_graph.convert(written(tmp_path, {"nas_bench_graph-1.4.0-py3-none-any.whl": wheel}))
    for prefix in ("", "proteins_"):
        assert found[f"{prefix}hash"].tolist() == [7, 51234]
        assert found[f"{prefix}links"].tolist() == [[0, 0, 0, 0], [0, 1, 1, 1]]
        assert found[f"{prefix}ops"].tolist() == [[0, 0, 0, 7], [1, 2, 3, 4]]
    assert found["arxiv_val"].tolist() == pytest.approx([0.500007, 0.551234])
    assert {found[f"cs_{column}"].dtype for column in ("val", "test", "lat", "para")} == {np.dtype(np.float32)}


def test_nasbench_macro(tmp_path: Path) -> None:
    rows = {
        name: {"test_acc": [90, 91, 92.5], "params": int(name), "flops": 2**33} for name in ("22200001", "00000012")
    }
    found = _nasbench_macro.convert(written(tmp_path, {"data/nas-bench-macro_cifar10.json": json.dumps(rows)}))
    assert found["arch"].tolist() == [[0, 0, 0, 0, 0, 0, 1, 2], [2, 2, 2, 0, 0, 0, 0, 1]]
    assert found["params"].tolist() == [12, 22200001]
    assert found["test_acc"].tolist() == [[90, 91, 92.5]] * 2
    assert found["flops"].tolist() == [2**33] * 2


def test_nats_size(tmp_path: Path) -> None:
    text = "'16:8:24:64:56': 87.5\n8:8:16:16:64: 80.25\n"
    found = _nats_size.convert(written(tmp_path, {"ranking_nats/nats_cifar10_acc_rank.yml": text}))
    assert found["channels"].tolist() == [[16, 8, 24, 64, 56], [8, 8, 16, 16, 64]]
    assert found["c10_acc"].tolist() == [87.5, 80.25]


def test_conv_macro(tmp_path: Path) -> None:
    rows = {
        "[[8, 64, 32, 256], [3, 5, 7, 3]]": {"test_acc": 72.5, "train_acc": 80.25},
        "[[16, 16, 64, 64], [7, 3, 3, 5]]": {"test_acc": 10.0, "train_acc": 10.0},
    }
    found = _tanglenas.convert_macro(written(tmp_path, {"toy_benchmarks/conv_macro_bench.pkl": pickle.dumps(rows)}))
    assert found["widths"].tolist() == [[8, 64, 32, 256], [16, 16, 64, 64]]
    assert found["kernels"].tolist() == [[3, 5, 7, 3], [7, 3, 3, 5]]
    assert found["test_acc"].tolist() == [72.5, 10]
    assert found["train_acc"].tolist() == [80.25, 10]


def test_entangled_cell(tmp_path: Path) -> None:
    text = (
        "Genotype(normal=[('sep_conv_3x3', 0), ('dil_conv_5x5', 0), ('sep_conv_5x5', 1)], normal_concat=range(1, 3), "
        "reduce=[('dil_conv_3x3', 0), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1)], reduce_concat=range(1, 3))"
    )
    row = dict.fromkeys(_tanglenas._COLUMNS, 0.5) | {"test_acc": np.float64(90.5), "unit_gpu": "us"}
    path = "toy_benchmarks/entangled_cell_ss_benchmark.pkl"
    found = _tanglenas.convert_cell(written(tmp_path, {path: pickled({text: row})}))
    assert found["arch"].tolist() == [[[[2, 0], [1, 0], [3, 1]], [[0, 0], [2, 0], [2, 1]]]]
    assert found["cell_names"].tolist() == ["normal", "reduce"]
    assert found["test_acc"].tolist() == [90.5]
    assert found["latency_gpu_mean"].tolist() == [0.5]


def nasbench201_files() -> dict[str, bytes | str]:
    short_runs = {
        f"{name}-{part}": [1.0, 2] for name in ("cifar10", "cifar100", "imagenet") for part in ("val", "test")
    }
    seeds = {tuple(OPS[1]): [70.0, 71.5], tuple(OPS[0]): [80.0]}
    files: dict[str, bytes | str] = {
        "config/meta.json": META,
        "results/arch_score_acc.pd": frame_pickle({"valid_top1": [50.0, 60], "valid_test_top1": [51.0, 61]}, old=True),
        "mini-bench-arch-cell-accs.pd": frame_pickle(short_runs, old=True),
        "notebooks_201/nb2_test_acc_cf10.p": pickled(seeds),
        "nats_bench.csv": "Cifar10TestAccuracy200Epochs,Cifar100TestAccuracy200Epochs,ImageNet16TestAccuracy200Epochs\n"
        "81,41,21\n82,42,22\n",
    }
    for folder, text in (("cifar10", "cifar10"), ("cifar100", "cifar100"), ("ImageNet16-120", "imagenet")):
        params = "346346\n1,731166" if text == "imagenet" else "0.344346\n1,0.559386"
        files[f"cached_metrics/nats/{folder}/accuracies.csv"] = "index,accuracy\n0,80\n1,70.5\n"
        files[f"cached_metrics/nats/{folder}/params.csv"] = f"index,params\n0,{params}\n"
        files[f"cachedmetrics/{text}_perfmetrics.txt"] = (
            "# index, accuracy, seconds, total\n0 81 14 2800\n1 72 15 3000\n"
        )
    return files


def test_nasbench201(tmp_path: Path) -> None:
    found = _nasbench201.convert(written(tmp_path, nasbench201_files()))
    assert found["ops"].tolist() == OPS
    assert found["c100_val"].tolist() == [82, 73.5]  # twice the whole minus the half
    assert found["c10_val"].tolist() == [50, 60]
    assert found["in16_oritest"].tolist() == [81, 72]
    assert found["c10_epoch_s"].tolist() == [14, 15]
    assert np.array_equal(found["c10_test_seeds"], [[80, np.nan, np.nan], [70, 71.5, np.nan]], equal_nan=True)
    assert found["params_c10"].tolist() == [344346, 559386]
    assert found["params_in16"].tolist() == [346346, 731166]
    assert found["flops_c10"].tolist() == pytest.approx([7.78305 + 3.93216 + 35.38944, 7.78305 + 2 * 35.38944])
    assert found["c100_test_1seed"].tolist() == [41, 42]
    assert found["in16_val12"].tolist() == [1, 2]
    assert "c100_epoch_s" not in found


def test_nasbench201_few_shot(tmp_path: Path) -> None:
    texts = [
        "[(('none', 0),), (('none', 0), ('nor_conv_3x3', 1)), (('skip_connect', 0), ('nor_conv_3x3', 1), ('none', 2))]",
        "[(('avg_pool_3x3', 0),), (('nor_conv_1x1', 0), ('skip_connect', 1)), "
        "(('nor_conv_3x3', 0), ('none', 1), ('skip_connect', 2))]",
    ]
    names = ("nasbench201", "one-shot-supernet", "few-shot-supernet")
    files = {
        f"Few-Shot_NasBench201/supernet_info/{name}": json.dumps(dict(zip(texts, (10 + i, 20 + i), strict=True)))
        for i, name in enumerate(names)
    }
    found = _nasbench201_fewshot.convert(written(tmp_path, {**files, "config/meta.json": META}))
    assert {name: column.tolist() for name, column in found.items()} == {
        "c10_truth": [20, 10], "c10_one_shot": [21, 11], "c10_few_shot": [22, 12]
    }  # fmt: skip


def test_nasbench201_hardware(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {}
    for name in _nasbench201_hardware.SOURCE.originals:
        buffer = io.BytesIO()
        torch.save([1.5, len(name)], buffer)
        files[name] = buffer.getvalue()
    runs = pd.DataFrame(
        {
            "arch_idx": [1, 0, 1, 0], "rep_arch_idx": [0, 0, 0, 0], "device": ["pi5"] * 2 + ["pixel"] * 2,
            "framework": ["onnx"] * 2 + ["litert"] * 2, "task": ["cifar100"] * 2 + ["darcy"] * 2,
            "lat_ms_median": [2.0, 1, 4, 3], "energy_mj": [6.0, 5, np.nan, np.nan], "accuracy": [70.0, 60, -1, -2],
        }
    )  # fmt: skip
    files["results/dataset.parquet"] = runs.to_parquet()
    found = _nasbench201_hardware.convert(written(tmp_path, files))
    assert found["lat_fpga"].tolist() == [1.5, len("data/nasbench201/latency/fpga.pt")]
    assert found["nb360_lat_pi5_onnx_cifar100"].tolist() == [1, 2]
    assert found["nb360_mJ_pi5_onnx_cifar100"].tolist() == [5, 6]
    assert found["nb360_lat_pixel_litert_darcy"].tolist() == [3, 4]
    assert found["c100_test_nb201v11"].tolist() == [60, 70]
    assert found["nb360_acc_darcy"].tolist() == [-2, -1]
    assert found["nb360_rep"].tolist() == [0, 0]
    assert not any("mJ_pixel" in name for name in found)


def test_a_latency_file_with_code_in_it_is_refused(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "made"),)

    buffer = io.BytesIO()
    torch.save(Attack(), buffer)
    names = _nasbench201_hardware.SOURCE.originals
    with pytest.raises(pickle.UnpicklingError):
        _nasbench201_hardware.convert(written(tmp_path, dict.fromkeys(names, buffer.getvalue())))
    assert not (tmp_path / "made").exists()


def suite_records(cells: list[str], score: str) -> bytes:
    return json.dumps(
        [{"arch": cell, score: {"score": 10 + i}, "val_accuracy": 50 + i} for i, cell in enumerate(cells)]
    ).encode()


def test_nasbench201_zero_cost(tmp_path: Path) -> None:
    """NASLib counts operations skip, none, 3x3, 1x1, pool and edges by where they start."""
    cells = ["(1, 1, 0, 2, 2, 1)", "(4, 3, 2, 0, 1, 0)"]  # the second and the first
    datasets = ("cifar10", "cifar100", "ImageNet16-120")
    zen = {f"zen/benchmark--nasbench201--{name}--0.json": suite_records(cells, "zen") for name in datasets}
    suite = {name: {cells[1]: {"snip": {"score": 0.5}, "val_accuracy": 1}} for name in datasets}
    files: dict[str, bytes | str] = {
        "run/results/benchmarks/nb201_zen.zip": zipped(zen),
        "naslib/data/zc_nasbench201.json": json.dumps(suite),
        "config/meta.json": META,
    }
    for name in _nasbench201_zerocost.SOURCE.originals:
        if name.endswith(".csv"):
            score = Path(name).stem
            files[name] = f"index,{score},time=[s]\n0,1e300,3\n1,{'-inf' if score == 'naswot' else 2},3\n"
    found = _nasbench201_zerocost.convert(written(tmp_path, files))
    assert found["c10_zen"].tolist() == [11, 10]
    assert found["in16_val_1seed"].tolist() == [51, 50]
    assert found["c100_naswot"].tolist() == [np.inf, -np.inf]
    assert found["c100_synflow"].tolist() == [1e300, 2]  # needs double precision
    assert found["c10_sub_idx"].tolist() == [0]
    snip = found["sub_proxy_names"].tolist().index("snip")
    assert found["c10_sub_proxies"][0, snip] == 0.5
    assert np.isnan(np.delete(found["c10_sub_proxies"][0], snip)).all()
    assert "in16_nregions" not in found


def test_transnas(tmp_path: Path) -> None:
    names = {"micro": ["(3, 0, 0, 0, 0, 1)", "(0, 1, 2, 3, 0, 1)"], "macro": ["(2, 1, 1, 4)", "(1, 1, 2, 2, 3)"]}
    archives: dict[str, dict[str, bytes]] = {name: {} for name in _transnas.SOURCE.originals}
    suites: dict[str, str] = {}
    for kind, cells in names.items():
        for task in _transnas.TASKS:
            for score, file in (
                ("zen", _transnas._ZEN[kind]),
                ("synflow", _transnas._SYNFLOW),
                ("epe_nas", _transnas._EPE),
            ):
                archives[file][f"x/benchmark--transbench101_{kind}--{task}--0.json"] = suite_records(cells, score)
        records = {task: {cells[0]: {"jacov": {"score": -3.0}}} for task in _transnas.TASKS}
        suites[_transnas._SUITE.format(kind)] = json.dumps(records)
    files = {name: zipped(content) for name, content in archives.items() if name.endswith(".zip")}
    found = _transnas.convert(written(tmp_path, {**files, **suites}))
    assert found["micro_arch"].tolist() == [[0, 1, 2, 3, 0, 1], [3, 0, 0, 0, 0, 1]]
    assert found["macro_arch"].tolist() == [[1, 1, 2, 2, 3, 0], [2, 1, 1, 4, 0, 0]]
    assert found["macro_jigsaw_val"].tolist() == [51, 50]
    assert found["micro_class_scene_epe"].tolist() == [11, 10]
    assert "micro_normal_epe" not in found
    assert found["macro_normal_sub_idx"].tolist() == [1]
    assert found["macro_normal_sub_proxies"][0, found["sub_proxy_names"].tolist().index("jacov")] == -3


# The cells of NAS-Bench-101 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("vertices", "count"), [(2, 1), (3, 7), (4, 91), (5, 2532)])
def test_numbers_of_cells_of_nasbench101(vertices: int, count: int) -> None:
    assert len(all_cells(vertices)[0]) == count  # 91 and 2,532: EC-NAS-Bench


@needs("nasbench101.npz")
def test_small_cells_are_those_of_the_table() -> None:
    table = np.load(ROOT / "nas" / "nasbench101.npz")
    small = table["n_vertices"] <= 5
    for found, name in zip(all_cells(5), ("n_vertices", "adj_bits", "ops"), strict=True):
        assert np.array_equal(found, table[name][small])


def test_nasbench101(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(_nasbench101, "all_cells", lambda: all_cells(3))
    accuracy, params = np.linspace(0.5, 0.9, 7), np.arange(7) / 1e6
    first = {f"{n}_final_validation_accuracy": [0.1, 0.2] for n in (4, 12, 36, 108)} | {"final_training_time": [1, 2]}
    found = _nasbench101.convert(
        written(
            tmp_path,
            {
                "cached_metrics/nasbench101/cifar10/accuracies.pkl.gz": gzip.compress(
                    frame_pickle({"index": np.arange(7), "accuracy": accuracy}, old=False)
                ),
                "cached_metrics/nasbench101/cifar10/params.pkl.gz": gzip.compress(
                    frame_pickle({"index": np.arange(7), "params": params}, old=False)
                ),
                "static/data/data-20k.json": json.dumps(first),
            },
        )
    )
    assert found["test108"].tolist() == pytest.approx(accuracy)
    assert found["params"].tolist() == list(range(7))
    assert found["first_val36"].tolist() == pytest.approx([0.1, 0.2])
    assert len(found["n_vertices"]) == 7
