"""S1 to S4 of RobustDARTS: operations of every edge, noise, what derivations make of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from archwright import data, export, zoo
from archwright.gradient import (
    Adam,
    Derivation,
    FirstOrder,
    GradientSearch,
    Magnitude,
    Perturbation,
    Relaxed,
    Session,
    Softmax,
    assembled,
    ranked,
)
from archwright.space import Arch
from archwright.supernet import Supernet
from archwright.train import Trainer
from archwright.zoo.darts import NODES, OPERATIONS, Noise


def small(name: str) -> Supernet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return zoo.build(name, in_channels=1, classes=10, image_size=8, channels=4, layers=3)


def operations(net: Supernet, kind: str) -> list[tuple[str, ...]]:
    return [net.space[f"{kind}.edge{i}{j}"].options for j in NODES for i in range(j)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("darts-s2", ("skip_connect", "sep_conv_3x3")),
        ("darts-s3", ("skip_connect", "sep_conv_3x3")),
        ("darts-s4", ("noise", "sep_conv_3x3")),
    ],
)
def test_spaces_that_are_alike_on_every_edge(name: str, expected: tuple[str, ...]) -> None:
    net = small(name)
    assert operations(net, "normal") == operations(net, "reduce") == [expected] * 14
    inputs = 1 * 3 * 6 * 10  # pairs of the nodes' predecessors
    assert net.space.size == (inputs * 2**8) ** 2


def test_the_published_lists_of_s1() -> None:
    """The first and the last edge of each node, as in spaces.py of the authors of DARTS-PT and RobustDARTS."""
    net = small("darts-s1")
    normal, reduce = operations(net, "normal"), operations(net, "reduce")
    assert {len(options) for options in normal + reduce} == {2}
    assert {op for options in normal + reduce for op in options} == {*OPERATIONS} - {"sep_conv_5x5"}
    assert [sum("skip_connect" in options for options in edges) for edges in (normal, reduce)] == [12, 6]
    assert normal[0] == ("skip_connect", "dil_conv_3x3")
    assert normal[5] == ("max_pool_3x3", "skip_connect")
    assert normal[12:] == [("dil_conv_3x3", "dil_conv_5x5")] * 2
    assert reduce[1] == ("max_pool_3x3", "dil_conv_3x3")
    assert reduce[6] == ("max_pool_3x3", "sep_conv_3x3")
    assert reduce[-1] == ("skip_connect", "dil_conv_5x5")


@pytest.mark.parametrize("stride", [1, 2])
def test_noise_is_standard_gaussian_and_its_mean_in_eval_mode(stride: int) -> None:
    noise, x = Noise(stride), torch.full((4, 8, 63, 63), 5.0)
    torch.manual_seed(0)
    out = noise(x)
    side = -(-63 // stride)
    assert out.shape == (4, 8, side, side)
    count = out.numel()
    assert abs(float(out.mean())) < 4 / count**0.5
    assert float(out.var()) == pytest.approx(1.0, abs=4 * (2 / count) ** 0.5)
    assert float((out**4).mean()) == pytest.approx(3.0, abs=4 * (96 / count) ** 0.5)  # the fourth moment's is 96
    assert abs(float((out[:, :, 1:] * out[:, :, :-1]).mean())) < 5 / count**0.5
    assert torch.equal(noise.eval()(x), torch.zeros_like(out))


def test_networks_with_noise_are_exported_like_any_other(tmp_path: Path) -> None:
    net = small("darts-s4").eval()
    arch = {v.name: v.options[0] for v in net.space.variables}  # type: ignore[attr-defined]
    arch["normal.edge02"] = arch["reduce.edge12"] = "sep_conv_3x3"
    arch = net.space.canonical(arch)
    plain = net.extract(arch)
    assert any(isinstance(m, nn.Dropout) for m in plain.modules())
    x = torch.randn(3, 1, 8, 8)
    assert torch.equal(plain(x), net(x, arch))
    export.to_onnx(plain, x, tmp_path / "model.onnx")
    export.agreement(tmp_path / "model.onnx", plain, x).require(1e-4, "model.onnx")


def test_evaluation_networks_take_cells_of_these_spaces() -> None:
    net = small("darts-s4")
    splits = data.load("digits", seed=0)
    arch = {v.name: v.options[-1] for v in net.space.variables}  # type: ignore[attr-defined]
    network = zoo.Evaluation(channels=4, layers=3).network(net, net.space.canonical(arch), splits).eval()
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


class _Forced(Derivation):
    """Sets all parameters against the truth before another derivation reads them."""

    def __init__(self, rest: Derivation) -> None:
        self.rest = rest

    def __call__(self, relaxed: Relaxed, session: Session) -> Arch:
        for alpha in relaxed.alphas:
            alpha.copy_(torch.tensor([1.0, 0.0]))
        return self.rest(relaxed, session)


@pytest.mark.slow
def test_perturbation_hardly_selects_noise() -> None:
    """Sheet of DARTS-PT, must show 3, on S4: parameters are forced towards noise; magnitude follows them on all 28
    edges, perturbation on few (4 when this was written, late edges of a node that has enough others). On an edge that
    matters it keeps none: tests/gradient/test_gradient_search.py."""
    splits = data.load("digits", seed=0)
    trainer = Trainer(epochs=20, batch_size=64, lr=0.1, precision="32", augment=None)
    noisy = {}
    for derive in (Magnitude(), Perturbation(interval=1, criterion="loss")):
        search = GradientSearch(
            *(Softmax(), FirstOrder(), Adam(), None, _Forced(derive)), warmup=1.0, trainer=trainer, sharpness=False
        )
        found = search.search(small("darts-s4"), splits, seed=0)
        chosen = found.relaxed.fixed or assembled(found.relaxed, ranked(found.relaxed))
        edges = {name: option for name, option in chosen.items() if ".edge" in name}
        assert len(edges) == 28
        noisy[type(derive).__name__] = sum(option == "noise" for option in edges.values())
    assert noisy["Magnitude"] == 28
    assert noisy["Perturbation"] <= 7
