"""The published facts about each table, and every architecture there and back."""

from __future__ import annotations

import os
import pickle
import sys

import networkx as nx
import numpy as np
import pytest
from bench_tables import ROOT, needs

from archwright import cost
from archwright.bench import Benchmark, load
from archwright.bench._table_file import CONTENT, read_table
from archwright.errors import UserError
from archwright.statistics import expected_maximum, kendall, spearman
from archwright.zoo import nasbench201

SMALL = {
    "nasbench201": ("nasbench201.npz", 15_625),
    "nats-size": ("nats_size_cifar10.npz", 32_768),
    "nasbench-macro": ("nasbench_macro.npz", 6_561),
    "conv-macro": ("conv_macro.npz", 6_561),
    "entangled-cell": ("entangled_cell.npz", 4_096),
    "transnas-micro": ("transnasbench101.npz", 4_096),
    "transnas-macro": ("transnasbench101.npz", 3_256),
}
EACH = [pytest.param(name, n, id=name, marks=needs(file)) for name, (file, n) in SMALL.items()]
nb201 = needs("nasbench201.npz", "nasbench201_hardware.npz", "nasbench201_zerocost.npz")


@pytest.mark.parametrize(("name", "n"), EACH)
def test_every_architecture_there_and_back(name: str, n: int) -> None:
    benchmark = load(name)
    everything = list(benchmark.architectures())
    assert len(set(everything)) == len(benchmark) == n
    assert [benchmark.index(arch) for arch in everything] == list(range(n))
    assert all(arch in benchmark.space for arch in everything[:: max(1, n // 1000)])
    assert benchmark.space.size == n


@pytest.mark.parametrize(("name", "n"), EACH)
def test_every_sample_and_mutation_is_in_the_table(name: str, n: int) -> None:
    benchmark, rng = load(name), np.random.default_rng(0)
    for _ in range(50):
        arch = benchmark.space.sample(rng)
        assert benchmark.architectures()[benchmark.index(arch)] == arch
        assert 0 <= benchmark.index(benchmark.space.mutate(arch, rng)) < n


@pytest.mark.parametrize(("name", "n"), EACH)
def test_columns_are_complete(name: str, n: int) -> None:
    for dataset in type(load(name)).datasets:
        benchmark = load(name, dataset)
        for metric in benchmark.metrics:
            assert np.isfinite(benchmark.values(metric)).all()
        assert {values.shape for values in benchmark.counts().values()} == {(n,)}
        assert {benchmark.score(score).shape for score in benchmark.scores} <= {(n,)}


# NAS-Bench-201 --------------------------------------------------------------------------------------------------------


@nb201
@pytest.mark.parametrize(
    ("dataset", "valid", "test", "row"),
    [("cifar10", 91.61, 94.37, 6111), ("cifar100", 73.49, 73.51, 9930), ("imagenet16-120", 46.73, 47.31, 857)],
)
def test_best_cells_of_nasbench201(dataset: str, valid: float, test: float, row: int) -> None:
    benchmark = load("nasbench201", dataset)
    assert benchmark.best()[1] == pytest.approx(valid, abs=0.005)
    arch, value = benchmark.best("test_accuracy")
    assert value == pytest.approx(test, abs=0.005)
    assert benchmark.index(arch) == row
    assert benchmark.best("valid_accuracy", 12)[1] < benchmark.best("valid_accuracy")[1]


@nb201
def test_the_resnet_cell() -> None:
    arch = nasbench201.from_string("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|")
    found = [
        (round(b.query(arch, "valid_accuracy"), 2), round(b.query(arch, "test_accuracy"), 2))
        for b in (load("nasbench201", dataset) for dataset in ("cifar10", "cifar100", "imagenet16-120"))
    ]
    assert found == [(90.86, 93.91), (70.50, 70.89), (44.10, 44.23)]


@nb201
def test_distinct_cells_of_nasbench201() -> None:
    benchmark = load("nasbench201")
    classes = np.load(ROOT / "nas" / "nasbench201.npz")["iso"]
    canonical = [benchmark.space.canonical(arch) for arch in benchmark.architectures()]
    assert len(set(canonical)) == 6466
    assert len(set(zip(canonical, classes.tolist(), strict=True))) == 6466


@nb201
@pytest.mark.parametrize(("dataset", "size"), [("cifar10", 32), ("cifar100", 32), ("imagenet16-120", 16)])
def test_costs_of_nasbench201_are_those_of_its_networks(dataset: str, size: int) -> None:
    benchmark = load("nasbench201", dataset)
    for row in (0, 3, 2222, 9930):
        arch = benchmark.architectures()[row]
        network = benchmark.network(arch, seed=0)
        assert cost.params(network) == benchmark.query(arch, "params")
        assert cost.flops(network, (1, 3, size, size)) == benchmark.query(arch, "flops")


@nb201
def test_networks_follow_from_their_seed() -> None:
    benchmark = load("nasbench201")
    arch = benchmark.architectures()[5]
    first, again, other = (benchmark.network(arch, seed=seed) for seed in (1, 1, 2))
    weights = [next(network.parameters()).flatten()[:5].tolist() for network in (first, again, other)]
    assert weights[0] == weights[1] != weights[2]


@nb201
def test_hardware_columns() -> None:
    benchmark = load("nasbench201")
    arch = benchmark.architectures()[0]  # as printed by HW-NAS-Bench
    for device, published in {"raspi4": 10.481976, "pixel3": 3.60585, "eyeriss": 3.64562, "fpga": 2.57296}.items():
        assert benchmark.query(arch, f"latency_ms:{device}") == pytest.approx(published, rel=1e-5)
    on_pi = load("nasbench201", "cifar100")
    assert on_pi.query(arch, "energy_mj:pi5-onnx") == pytest.approx(2.631512)
    assert on_pi.best("latency_ms:pi5-onnx")[1] == on_pi.values("latency_ms:pi5-onnx").min()
    assert not any(":" in metric for metric in load("nasbench201", "imagenet16-120").metrics)


@nb201
def test_rank_correlations_of_the_sheets() -> None:
    benchmark = load("nasbench201")
    valid, test = benchmark.values("valid_accuracy"), benchmark.values("test_accuracy")
    runs = benchmark.repeats("test_accuracy")
    assert runs is not None
    assert (~np.isnan(runs)).sum(1).tolist().count(3) == 7961
    one_run = np.load(ROOT / "nas" / "nasbench201_zerocost.npz")["c10_val_1seed"]
    assert kendall(one_run, test) == pytest.approx(0.881, abs=0.002)
    assert spearman(one_run, test) == pytest.approx(0.980, abs=0.002)
    assert kendall(valid, test) > kendall(one_run, test)  # the mean over seeds knows more
    assert spearman(benchmark.values("flops"), test) == pytest.approx(0.752, abs=0.001)
    assert kendall(benchmark.values("params"), test) == pytest.approx(0.578, abs=0.001)
    naswot = benchmark.score("naswot")
    there = np.isfinite(naswot)
    assert (~there).sum() == 201
    assert spearman(naswot[there], test[there]) == pytest.approx(0.785, abs=0.001)
    assert spearman(benchmark.score("synflow"), test) == pytest.approx(0.769, abs=0.001)


@nb201
@pytest.mark.parametrize(("n", "published"), [(10, 93.03), (50, 93.60), (100, 93.74), (300, 93.89)])
def test_random_search_on_nasbench201(n: int, published: float) -> None:
    benchmark = load("nasbench201")
    found = expected_maximum(benchmark.values("valid_accuracy"), n, report=benchmark.values("test_accuracy"))
    assert found == pytest.approx(published, abs=0.1)  # 200 seeds


@nb201
def test_simulated_clock() -> None:
    benchmark = load("nasbench201")
    arch = benchmark.architectures()[0]
    assert benchmark.seconds(arch, 12) == pytest.approx(12 * 14.442186)
    assert benchmark.seconds(arch) == pytest.approx(200 * 14.442186)
    with pytest.raises(UserError, match="no training times on cifar100"):
        load("nasbench201", "cifar100").seconds(arch)


@nb201
def test_memory_of_nasbench201() -> None:
    benchmark = load("nasbench201")
    assert len(pickle.dumps(benchmark)) + sys.getsizeof(benchmark._rows._row) < 50e6  # type: ignore[attr-defined]


# the others -----------------------------------------------------------------------------------------------------------


@needs("nats_size_cifar10.npz")
def test_nats_size() -> None:
    benchmark = load("nats-size")
    assert tuple(benchmark.best()[0].values()) == (64, 64, 56, 64, 24)
    accuracy = benchmark.values("test_accuracy")
    assert accuracy.max() == pytest.approx(93.65, abs=0.005)
    assert (accuracy.mean(), accuracy.std()) == pytest.approx((91.09, 1.27), abs=0.01)
    costs = {
        (64,) * 5: (713_674, 274_399_872),
        (8,) * 5: (11_714, 4_481_104),
        (64, 64, 56, 64, 24): (536_618, 257_061_104),
    }
    for widths, (params, multiplications) in {**costs, (8, 16, 16, 40, 24): (None, None)}.items():
        arch = {f"channel{i}": width for i, width in enumerate(widths, 1)}
        network = benchmark.network(arch, seed=0)
        assert cost.params(network) == benchmark.query(arch, "params") == (params or cost.params(network))
        flops = cost.flops(network, (1, 3, 32, 32))
        assert flops == benchmark.query(arch, "flops") == (2 * multiplications if multiplications else flops)
    assert spearman(benchmark.counts()["channels"], accuracy) == pytest.approx(0.92535, abs=5e-5)
    assert kendall(benchmark.values("params"), accuracy) == pytest.approx(0.690, abs=0.001)


@needs("nasbench_macro.npz")
def test_nasbench_macro() -> None:
    benchmark = load("nasbench-macro")
    accuracy = benchmark.values("test_accuracy")
    assert (accuracy.max(), accuracy.min(), accuracy.mean()) == pytest.approx((93.127, 45.36, 90.25), abs=0.01)
    layers = [("identity", "mb_k3_e3", "mb_k5_e6").index(layer) for layer in benchmark.best()[0].values()]
    assert layers == [2, 2, 2, 1, 2, 2, 0, 2]
    assert len({benchmark.space.canonical(arch) for arch in benchmark.architectures()}) == 3969
    found = [benchmark.query(benchmark.architectures()[row], "flops") for row in (0, 3280, 6560)]
    assert found == [2 * 7_713_280, 2 * 53_246_464, 2 * 105_660_928]
    assert kendall(benchmark.counts()["ops"], accuracy) == pytest.approx(0.693, abs=0.001)
    assert spearman(benchmark.values("flops"), accuracy) == pytest.approx(0.748, abs=0.001)


@needs("conv_macro.npz")
def test_conv_macro() -> None:
    benchmark = load("conv-macro")
    accuracy = benchmark.values("test_accuracy")
    facts = (accuracy.max(), accuracy.mean(), np.median(accuracy))
    assert facts == pytest.approx((84.41, 77.90, 78.58), abs=0.005)
    assert int((accuracy == 10).sum()) == 14
    assert list(benchmark.best()[0].values()) == [32, 3, 64, 7, 128, 5, 128, 7]
    largest = benchmark.space.arch(
        {f"layer{n}.{what}": v for n in range(1, 5) for what, v in (("width", 16 * 2**n), ("kernel", 7))}
    )
    assert benchmark.query(largest, "test_accuracy") == pytest.approx(81.50)
    for arch in (largest, benchmark.architectures()[0], benchmark.best()[0]):
        network = benchmark.network(arch, seed=0)
        assert cost.params(network) == benchmark.query(arch, "params")
        assert cost.flops(network, (1, 3, 32, 32)) == benchmark.query(arch, "flops")


@needs("entangled_cell.npz")
def test_entangled_cell() -> None:
    benchmark = load("entangled-cell")
    accuracy = benchmark.values("test_accuracy")
    facts = (accuracy.max(), accuracy.mean(), np.median(accuracy), accuracy.min())
    assert facts == pytest.approx((91.63, 90.02, 90.54, 86.06), abs=0.005)
    for arch in benchmark.architectures()[::800]:
        assert cost.params(benchmark.network(arch, seed=0)) == benchmark.query(arch, "params")
    assert benchmark.values("latency_ms:gpu").mean() == pytest.approx(0.53, abs=0.01)


@needs("transnasbench101.npz")
@pytest.mark.parametrize(
    ("task", "published"),
    [("class_scene", 54.94), ("jigsaw", 95.37), ("autoencoder", 0.577), ("normal", 0.587), ("segmentsemantic", 94.61)],
)
def test_best_cells_of_transnas(task: str, published: float) -> None:
    assert load("transnas-micro", task).best()[1] == pytest.approx(published, abs=0.006)


@needs("transnasbench101.npz")
def test_operations_of_transnas_are_named_right() -> None:
    """Cells with no way through them are exactly those with the result of a dead network."""
    benchmark = load("transnas-micro")
    accuracy = benchmark.values("valid_accuracy")
    for arch, value in zip(benchmark.architectures(), accuracy, strict=True):
        cell = nx.DiGraph([(name[4], name[5]) for name, operation in arch.items() if operation != "none"])
        cell.add_nodes_from("03")
        assert nx.has_path(cell, "0", "3") == (value != accuracy[0])


@pytest.mark.skipif(not ROOT.is_dir(), reason="ARCHWRIGHT_DATA is not set")
def test_cut_short_and_altered_tables(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ARCHWRIGHT_DATA", str(tmp_path))
    (tmp_path / "nas").mkdir()
    for file in CONTENT:
        if not (ROOT / "nas" / file).is_file():
            continue
        whole = (ROOT / "nas" / file).read_bytes()
        for wrong in (whole[:-100], whole[:50], b"", whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:]):
            (tmp_path / "nas" / file).write_bytes(wrong)
            with pytest.raises(UserError, match=r"bytes\) was cut short or changed") as caught:
                read_table(file)
            assert "\n" not in str(caught.value)
            assert os.sep + file in str(caught.value)


def test_contract_is_abstract() -> None:
    assert Benchmark.__abstractmethods__ == {"counts"}
