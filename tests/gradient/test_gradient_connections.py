"""Connections that are there or not: factors, clean-up, penalties that follow costs (DSO-NAS)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from gradient_networks import chain

from archwright import data, zoo
from archwright.errors import UserError
from archwright.gradient import (
    ConnectionCosts,
    FirstOrder,
    GradientSearch,
    ProximalGradient,
    Relaxed,
    RemoveZeros,
    ScalingFactors,
    Softmax,
    View,
    skip_share,
)
from archwright.supernet import Supernet
from archwright.train import Trainer

FASHION = Path(os.environ.get("ARCHWRIGHT_DATA", "nowhere")) / "images"


def small(**settings: int) -> Supernet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"in_channels": 2, "classes": 3, "image_size": 8, "channels": 4, "stages": 2, "blocks": 1, **settings}
        return zoo.build("dso-nas", **sizes)  # type: ignore[arg-type]


def seen(relaxed: Relaxed, *, epoch: int = 1, progress: float = 0.5) -> View:
    return View(
        probabilities=relaxed.probabilities(),
        alphas=dict(zip(relaxed.names, relaxed.competing())),
        options=dict.fromkeys(relaxed.names, 2),
        zeros=frozenset(),
        places={n: relaxed.places(n) for n in relaxed.names},
        mover=relaxed.mover,
        progress=progress,
        moving=True,
        epoch=epoch,
        nothing={n: frozenset(relaxed.nothing(n)) for n in relaxed.names},
    )


def set_factors(relaxed: Relaxed, factors: dict[str, float]) -> None:
    for name, alpha in zip(relaxed.names, relaxed.alphas):
        if name in factors:
            alpha[1] = factors[name]


def test_a_connection_has_one_factor_and_its_absence_none() -> None:
    relaxed = Relaxed(small(), ScalingFactors(), ProximalGradient())
    assert all(alpha.tolist() == [0.0, 1.0] for alpha in relaxed.alphas)
    assert sum(bool(alpha[1]) for alpha in relaxed.alphas) == 124 + 2
    assert relaxed.mean()["block.in-sep3_2"].tolist() == [0.0, 1.0]
    set_factors(relaxed, {"block.in-sep3_2": 0.25})
    assert relaxed.mean()["block.in-sep3_2"].tolist() == [0.0, 0.25]  # judged as it is trained, not normalised
    assert Relaxed(small(), Softmax(), ProximalGradient()).probabilities()["block.in-max_2"][0] == pytest.approx(
        0.5, abs=0.01
    )


def test_nothing_never_competes_in_other_spaces_either() -> None:
    net = zoo.build("nasbench201", in_channels=2, classes=3, image_size=8, channels=4, cells=1)
    relaxed = Relaxed(net, ScalingFactors(), ProximalGradient())
    assert relaxed.alphas[0].tolist() == [0.0, 1.0, 1.0, 1.0, 1.0]
    relaxed.alphas[0].copy_(torch.tensor([0.0, 0.0, 0.3, 0.0, 0.0]))
    relaxed.alphas[1].zero_()
    space = RemoveZeros()(relaxed.space, seen(relaxed))
    first, second = relaxed.names[:2]
    assert space[first].options == ("none", "nor_conv_1x1")  # type: ignore[attr-defined]
    assert space[second].options == ("none",)  # type: ignore[attr-defined]


def test_clean_up_cuts_zeros_and_what_they_cut_off() -> None:
    relaxed = Relaxed(small(), ScalingFactors(), ProximalGradient())
    names = relaxed.names
    out = {n: 0.0 for n in names if n.startswith("block.sep3_4-")}  # sep3_4 has lost its way out
    into = {n: 0.0 for n in names if n.endswith("-max_3")}  # max_3 reads nothing
    set_factors(relaxed, {**out, **into, "reduce1.conv1": 0.0, "reduce1.conv3": 0.0})
    space = RemoveZeros()(relaxed.space, seen(relaxed))
    cut = {n for n in names if space[n].options == ("cut",)}  # type: ignore[attr-defined]
    dead = {n for n in names if n.endswith("-sep3_4") or n.startswith("block.max_3-")}
    assert cut == {*out, *into, *dead, "reduce1.conv1"}  # one of the reduction's two stays, as the space asks for
    relaxed.restrict(space)
    assert relaxed.selection(relaxed.alphas, 0)["block.in-sep3_4"] == "cut"
    assert RemoveZeros()(space, seen(relaxed)) is space


def test_clean_ups_may_be_rare() -> None:
    relaxed = Relaxed(small(), ScalingFactors(), ProximalGradient())
    set_factors(relaxed, {"block.in-sep3_2": 0.0})
    rare = RemoveZeros(every=5)
    assert rare(relaxed.space, seen(relaxed, epoch=4)) is relaxed.space
    assert rare(relaxed.space, seen(relaxed, epoch=5)) is not relaxed.space
    assert rare(relaxed.space, seen(relaxed, epoch=4, progress=1.0)) is not relaxed.space
    with pytest.raises(UserError, match="every must be at least 1"):
        RemoveZeros(every=0)


def test_the_function_stays_when_the_network_is_cleaned() -> None:
    """W and the factors are inherited: with gradients everything ran, afterwards what is left, to 1e-6."""
    relaxed = Relaxed(small(), ScalingFactors(), ProximalGradient()).eval()
    generator = torch.Generator().manual_seed(0)
    for alpha in relaxed.alphas:
        alpha[1] = torch.rand((), generator=generator) + 0.5
    set_factors(relaxed, {n: 0.0 for n in relaxed.names if n.startswith("block.avg_3-") or n.endswith("max_4-out")})
    x = torch.randn(2, 2, 8, 8, generator=generator)
    values = [a.clone().requires_grad_() for a in relaxed.alphas]
    before = relaxed(x, relaxed.selection(values, 0))
    relaxed.restrict(RemoveZeros()(relaxed.space, seen(relaxed)))
    after = relaxed(x, relaxed.selection(values, 0))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-6)
    assert sum(len(relaxed.alive(n)) == 1 for n in relaxed.names) == 5 + 9 + 1 + 13 - 1


def test_costs_of_the_released_setting() -> None:
    """Width 96 on 16 x 16: the shares of memory access in the authors' file, but for 96 squared, which their `96 ^ 2`
    takes for 98 (0.98476 and 0.48761 instead of 0.98603 and 0.44716)."""
    net = small(channels=96, image_size=16, stages=1)
    costs = ConnectionCosts(net)
    found = costs.shares({}, "memory")
    pixels, width = 16 * 16 * 96, 96
    largest = 4 * pixels + 25 * width + width**2
    expected = {
        "sep3": (4 * pixels + 9 * width + width**2) / largest,
        "sep5": 1.0,
        "max": 2 * pixels / largest,
        "avg": 2 * pixels / largest,
    }
    for operation, share in expected.items():
        assert found[f"block.in-{operation}_3"] == pytest.approx(share)
    assert found["block.max_1-out"] == pytest.approx((2 * pixels + width**2) / largest)
    assert expected["sep3"] == pytest.approx(0.98603, abs=1e-5)
    assert expected["max"] == pytest.approx(0.44716, abs=1e-5)
    separable = sum(2 * 256 * (width * k**2 + width**2) for k in (3, 5))
    assert costs.flops("block") == 4 * separable + 16 * 2 * 256 * width**2


def test_a_penalty_by_flops_spares_blocks_that_are_nearly_empty() -> None:
    """gamma_t = gamma FLOPs_t / FLOPs_full, block by block; a reduction has the plain gamma."""
    net = small(share=False)
    relaxed = Relaxed(net, ScalingFactors(), ProximalGradient(sparsity=0.01, adapt="flops"))
    costs = ConnectionCosts(net)
    gone = {n: 0.0 for n in relaxed.names if n.startswith("stage2") and not n.endswith(("in-sep3_2", "sep3_2-out"))}
    set_factors(relaxed, gone)
    mover = relaxed.mover
    gammas = dict(zip(relaxed.names, mover.sparsity()))  # type: ignore[attr-defined]
    assert gammas["stage1.block1.in-sep3_2"] == pytest.approx(0.01)
    assert gammas["reduce1.conv1"] == pytest.approx(0.01)
    whole, kept = costs.flops("stage2.block1"), costs.flops("stage2.block1", [("in", "sep3_2"), ("sep3_2", "out")])
    width, pixels = 8, 16
    assert kept == 2 * pixels * (9 * width + width**2) + 2 * pixels * width**2
    assert gammas["stage2.block1.in-sep3_2"] == pytest.approx(0.01 * kept / whole)
    before = [a.clone() for a in relaxed.alphas]
    mover.step([torch.zeros_like(a) for a in relaxed.alphas])
    moved = {n: float((b - a)[1]) for n, b, a in zip(relaxed.names, before, relaxed.alphas)}
    assert moved["stage1.block1.in-sep3_2"] == pytest.approx(0.1 * 0.01 * 1.9, rel=1e-3)  # lr gamma (1 + momentum)
    assert moved["stage2.block1.in-sep3_2"] == pytest.approx(0.1 * 0.01 * 1.9 * kept / whole, rel=1e-2)


def test_penalties_by_cost_need_dense_blocks() -> None:
    with pytest.raises(UserError, match="take the space dso-nas"):
        Relaxed(chain(), ScalingFactors(), ProximalGradient(adapt="memory"))
    with pytest.raises(UserError, match="adapt must be one of flops, memory or null"):
        ProximalGradient(adapt="latency")  # type: ignore[arg-type]


def test_a_strong_penalty_leaves_a_small_network() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(120) % 3
    x = torch.randn(120, 2, 8, 8, generator=generator) + y[:, None, None, None]
    splits = data.load(torch.utils.data.TensorDataset(x, y), seed=0)
    trainer = Trainer(epochs=10, batch_size=16, lr=0.05, schedule="constant", precision="32", augment=None)
    search = GradientSearch(
        *(ScalingFactors(), FirstOrder(), ProximalGradient(sparsity=0.5), RemoveZeros(every=2)),
        warmup=0.2,
        trainer=trainer,
        sharpness=False,
    )
    net = small(levels=2)
    found = search.search(net, splits)
    kept = sum(value == "kept" for value in found.arch.values())
    assert 1 <= kept < 14
    assert net.space.canonical(found.arch) == found.arch
    assert "skip_share" not in found.history[-1]  # there is no choice of operations
    assert skip_share(net, found.arch) != skip_share(net, found.arch)


@pytest.mark.slow
@pytest.mark.skipif(not FASHION.exists(), reason="set ARCHWRIGHT_DATA to a folder with images")
def test_fewer_connections_stay_the_larger_the_penalty() -> None:
    """Sheet of DSO-NAS, must show 4, on Fashion-MNIST at 14 x 14, two levels, width 4."""
    splits = data.load("fashion-mnist", seed=0, image_size=14)
    splits = type(splits)(**{**vars(splits), "train": splits.train.subset(torch.arange(1500))})
    trainer = Trainer(epochs=8, batch_size=64, lr=0.1, schedule="constant", precision="32", augment=None)
    kept, accuracy = [], []
    for sparsity in (0.0, 1e-3, 1e-2, 1e-1):
        update = ProximalGradient(sparsity=sparsity)
        search = GradientSearch(
            *(ScalingFactors(), FirstOrder(), update, RemoveZeros()), warmup=0.25, trainer=trainer, sharpness=False
        )
        with torch.random.fork_rng():
            torch.manual_seed(0)
            net = zoo.build_for(splits, "dso-nas", channels=4, stages=2, blocks=1, levels=2)
        found = search.search(net, splits)
        kept.append(sum(value == "kept" for value in found.arch.values()))
        accuracy.append(found.history[-1]["accuracy"])
    print(f"kept {kept}, accuracy {accuracy}")
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 20  # not all 30: without a penalty a gradient may still push a factor to the bound at zero
    assert kept[-1] < kept[0]
