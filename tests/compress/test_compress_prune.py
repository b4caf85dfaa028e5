"""Criteria, exact counts, and pruning in one step."""

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from compress_networks import Bert, accuracy, residual, trained
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune as torch_prune

from archwright import data, zoo
from archwright.compress import (
    METHODS,
    PRUNERS,
    Masks,
    OneShot,
    Pruning,
    lamp,
    prunable,
    prune,
    pruned,
    quantised_layers,
    quantize,
    recalibrate_like,
)
from archwright.compress._criteria import magnitude, pruned_to, taylor
from archwright.data import Split
from archwright.errors import UserError
from archwright.train import Trainer

CRITERIA = ["magnitude", "lamp", "random", "layer-random"]


def zeros(masks: Masks) -> int:
    return masks.total - masks.kept


def filled(layer: nn.Module) -> nn.Module:
    """With the weights 1, 2, 3, ..."""
    weight = layer.weight
    weight.data = torch.arange(1.0, weight.numel() + 1).reshape(weight.shape)
    return layer


# counts ---------------------------------------------------------------------------------------------------------------


def test_counts_of_torchs_own_pruning() -> None:
    """A fraction is of what is left, an int is a count: 25, 44, 54 zeros of 100."""
    net = nn.Sequential(filled(nn.Linear(10, 10)))
    masks, scores, counts = Masks.dense(net), magnitude(prunable(net)), []
    for amount in (0.25, 0.25, 10):
        masks = pruned(masks, scores, amount)
        torch_prune.l1_unstructured(net[0], "weight", amount)
        counts.append(zeros(masks))
        assert torch.equal(masks["0.weight"], net[0].weight_mask.bool())
    assert counts == [25, 44, 54]


def test_counts_across_layers() -> None:
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 1))
    masks, scores, counts = Masks.dense(net), magnitude(prunable(net)), []
    for _ in range(3):
        masks = pruned(masks, scores, 0.2)
        counts.append(zeros(masks))
    assert masks.total == 88
    assert counts == [18, 32, 43]


def test_of_equal_scores_the_first_go() -> None:
    masks = Masks({"a": torch.ones(4), "b": torch.ones(4)})
    scores = {name: torch.ones(4) for name in masks}
    less = pruned(masks, scores, 5)
    assert less["a"].tolist() == [False, False, False, True]
    assert less["b"].tolist() == [False, False, True, True]


def test_no_layer_is_emptied() -> None:
    masks = Masks({"small": torch.ones(4), "large": torch.ones(8)})
    scores = {"small": torch.arange(4.0), "large": torch.arange(8.0) + 100}
    less = pruned(masks, scores, 10)
    assert less["small"].tolist() == [False, False, False, True]
    assert less["large"].nonzero().flatten().tolist() == [7]
    with pytest.raises(UserError, match="cannot prune 11 of 12 weights: every layer keeps one, so at most 10"):
        pruned(masks, scores, 11)


@given(st.integers(0, 10**6), st.floats(0, 0.99), st.floats(0, 0.99), st.sampled_from(["global", "layer"]))
def test_masks_only_shrink_to_the_exact_count(seed: int, first: float, second: float, scope: str) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = {n: torch.randint(5, (count,), generator=generator).float() for n, count in (("a", 7), ("b", 40))}
    before, sparsity = Masks({n: torch.ones_like(s) for n, s in scores.items()}), 0.0
    for sparsity in sorted((first, second)):
        if scope == "global" and round(sparsity * 47) > 45:
            continue
        after = pruned_to(before, scores, sparsity, scope=scope)  # type: ignore[arg-type]
        assert (before & after) == after
        counts = {n: int((~mask).sum()) for n, mask in after.items()}
        if scope == "global":
            assert sum(counts.values()) == round(sparsity * 47)
        else:
            assert counts == {"a": min(6, round(sparsity * 7)), "b": min(39, round(sparsity * 40))}
        before = after


# criteria -------------------------------------------------------------------------------------------------------------


def test_lamp_by_hand() -> None:
    scores = lamp({"w": torch.tensor([-2.0, 1.0, 4.0, 3.0])})["w"]
    torch.testing.assert_close(scores, torch.tensor([4 / 29, 1 / 30, 1.0, 9 / 25]).double())


def test_lamp_of_a_layer_of_zeros_is_zero() -> None:
    assert lamp({"w": torch.zeros(3)})["w"].tolist() == [0, 0, 0]


def test_lamp_balances_layers_of_different_scale() -> None:
    net = nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 20))
    net[0].weight.data *= 100
    assert Masks.of(prune(net, sparsity=0.5)).densities()["1.weight"] < 0.03
    densities = Masks.of(prune(net, sparsity=0.5, method="lamp")).densities()
    assert densities["1.weight"] == pytest.approx(0.5, abs=0.1)


def test_taylor_is_the_change_of_the_loss_to_first_order() -> None:
    net = nn.Sequential(nn.Linear(3, 2, bias=False))
    x, y = torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 1])
    weights = prunable(net)
    scores = taylor(net, weights, [(x, y)])["0.weight"]
    loss, step = nn.functional.cross_entropy, 1e-3
    for place in [(0, 0), (1, 2)]:
        with torch.no_grad():
            before, w = loss(net(x), y), net[0].weight[place].clone()
            net[0].weight[place] *= 1 - step
            change = float(loss(net(x), y) - before) / step
            net[0].weight[place] = w
        assert float(scores[place]) == pytest.approx(abs(change), rel=0.02, abs=1e-4)


def test_taylor_leaves_frozen_weights_frozen() -> None:
    net, images, _, _ = trained()
    net.requires_grad_(False)
    labels = data.Split(images, torch.arange(100) % 10)
    sparse = prune(net, sparsity=0.5, method="taylor", data=labels)
    assert Masks.of(sparse).sparsity == pytest.approx(0.5, abs=1e-3)
    assert not any(p.requires_grad for p in sparse.parameters())
    net.requires_grad_(True)


def test_layer_random_has_the_counts_of_magnitude_and_random_has_not() -> None:
    net = residual()
    one, layer, free = (Masks.of(prune(net, sparsity=0.7, method=m)) for m in ("magnitude", "layer-random", "random"))
    assert layer.densities() == one.densities() != free.densities()
    assert layer != one
    assert layer == Masks.of(prune(net, sparsity=0.7, method="layer-random"))
    assert layer != Masks.of(prune(net, sparsity=0.7, method="layer-random", seed=1))


# prune ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", CRITERIA)
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_a_network_is_pruned_and_the_one_given_is_not(method: str, scope: str) -> None:
    net = residual()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    sparse = prune(net, sparsity=0.8, method=method, scope=scope, classifier=False)  # type: ignore[arg-type]
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    masks = Masks.of(sparse, classifier=False)
    wanted = 1224 * 0.8 if scope == "global" else sum(round(0.8 * n) for n in (72, 576, 576))
    assert zeros(masks) == round(wanted)
    assert bool((sparse.head.weight != 0).all())
    for name, weight in prunable(sparse, classifier=False).items():
        assert torch.equal(weight[masks[name]], before[name][masks[name]])


def test_a_pruned_network_is_pruned_further() -> None:
    net = residual()
    half = prune(net, sparsity=0.5)
    more = prune(half, sparsity=0.75)
    assert zeros(Masks.of(more)) == round(0.75 * 1304)
    assert Masks.of(more) == Masks.of(prune(net, sparsity=0.75))
    assert (Masks.of(half) & Masks.of(more)) == Masks.of(more)
    assert Masks.of(prune(half, sparsity=0.5)) == Masks.of(half)
    with pytest.raises(UserError, match=r"already has sparsity 0\.5, more than 0\.3"):
        prune(half, sparsity=0.3)


def test_statistics_are_estimated_anew_where_there_are_data() -> None:
    """With those of the dense network a pruned one guesses."""
    net, _, test_x, test_y = trained()
    splits = data.load("digits", seed=0)
    blind = prune(net, sparsity=0.9, classifier=False)
    told = prune(net, sparsity=0.9, classifier=False, data=splits.train)
    assert Masks.of(told) == Masks.of(blind)
    assert accuracy(told, test_x, test_y) > accuracy(blind, test_x, test_y) + 15


def test_statistics_of_a_network_that_did_not_change_stay() -> None:
    """Though samples without the augmentation of its training have other ones."""
    net, images, _, _ = trained()
    split = data.Split(images * 2 + 1, torch.zeros(100, dtype=torch.int64))
    same = prune(net, sparsity=0, data=split)
    for name, tensor in same.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, net.state_dict()[name], atol=1e-5, rtol=1e-4)
    halved = copy.deepcopy(net)
    halved[0].weight.data *= 0.5
    recalibrate_like(halved, net, lambda: split.batches(50))
    torch.testing.assert_close(halved[1].running_mean, net[1].running_mean / 2, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(halved[1].running_var, net[1].running_var / 4, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(halved[4].running_var, net[4].running_var, atol=1e-3, rtol=1e-2)


def test_a_trainer_fine_tunes_and_the_masks_hold() -> None:
    net, _, test_x, test_y = trained()
    splits, said = data.load("digits", seed=0), []
    sparse = prune(
        net,
        sparsity=0.9,
        classifier=False,
        data=splits,
        trainer=Trainer(epochs=4, lr=0.05, label_smoothing=0.1, ema=0.9, augment=None),
        progress=lambda *told: said.append(told),
    )
    assert Masks.of(sparse, classifier=False) == Masks.of(prune(net, sparsity=0.9, classifier=False), classifier=False)
    assert accuracy(sparse, test_x, test_y) > 93
    assert said[-1] == ("fine-tuning", 4, 4)
    assert not sparse.training


@pytest.mark.parametrize("method", ["magnitude", "structured"])
def test_weights_that_are_left_learn_from_the_unpruned_network(method: str) -> None:
    """Where the labels are wrong, its answers hold what is trained to the right ones."""
    net, _, x, _ = trained()
    splits = data.load("digits", seed=0)
    wrong = dataclasses.replace(splits.train, y=(splits.train.y + 1) % 10)
    splits = dataclasses.replace(splits, train=wrong)
    how = Trainer(epochs=2, batch_size=64, lr=0.02, augment=None)

    def apart(distil: bool) -> float:
        found = prune(net, sparsity=0.6, method=method, data=splits, trainer=how, classifier=False, distil=distil)
        assert method == "structured" or Masks.of(found, classifier=False).sparsity == pytest.approx(0.6, abs=1e-3)
        with torch.no_grad():
            return float(F.kl_div(found(x).log_softmax(1), net(x).softmax(1), reduction="batchmean"))

    assert apart(True) < 0.5 * apart(False)


def test_what_trains_nothing_learns_from_nobody() -> None:
    with pytest.raises(UserError, match="method magnitude trains nothing that could learn from the unpruned network"):
        prune(trained()[0], sparsity=0.5, distil=True)


def test_a_layer_that_starts_at_zero_is_trained() -> None:
    """As the head of a vision transformer does."""
    net, _, _, _ = trained()
    net = copy.deepcopy(net)
    nn.init.zeros_(net[-1].weight)
    assert Masks.of(net).densities()["11.weight"] == 0
    assert Pruning(sparsity=0.5).masks(net).densities()["11.weight"] == 1
    splits = data.load("digits", seed=0)
    sparse = prune(net, sparsity=0.5, method="gradual", data=splits, trainer=Trainer(epochs=2, lr=0.05, augment=None))
    assert Masks.of(sparse).densities()["11.weight"] > 0.1


def test_a_network_of_the_zoo_and_a_method_of_ones_own() -> None:
    net = zoo.build("convnet", in_channels=1, classes=10, image_size=8)
    plain = net.extract(net.space.sample(np.random.default_rng(0)))
    assert Masks.of(prune(plain, sparsity=0.5, method=OneShot(criterion="lamp"))).sparsity == pytest.approx(
        0.5, abs=1e-3
    )
    with pytest.raises(UserError, match=r"prune net\.extract\(arch\), not the supernet"):
        prune(net, sparsity=0.5)


@pytest.mark.parametrize("method", ["minmax", "adaquant", "nupes"])
def test_masks_survive_quantisation(method: str) -> None:
    net, images, _, _ = trained()
    sparse = prune(net, sparsity=0.8)
    pipeline = METHODS[method]
    if pipeline.learn is not None:
        pipeline = dataclasses.replace(pipeline, learn=dataclasses.replace(pipeline.learn, iterations=30))
    graph = quantize(sparse, images, bits=4, method=pipeline)
    for name, layer in quantised_layers(graph).items():
        assert not layer.weight[~Masks.of(sparse)[f"{name}.weight"]].any()


# bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sparsity", [1.0, -0.1, 90.0, float("nan")])
def test_a_sparsity_out_of_range_is_refused(sparsity: float) -> None:
    with pytest.raises(UserError, match=r"sparsity must be in \[0, 1\), got"):
        prune(residual(), sparsity=sparsity)


def test_bad_input_is_told_in_one_line() -> None:
    net, images, _, _ = trained()
    split = data.Split(images, torch.arange(100) % 10)
    with pytest.raises(UserError, match="unknown method 'magnitud'; did you mean 'magnitude'"):
        prune(net, sparsity=0.5, method="magnitud")
    with pytest.raises(UserError, match="scope is 'global' or 'layer', got 'all'"):
        prune(net, sparsity=0.5, scope="all")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="unknown criterion 'l1'"):
        OneShot(criterion="l1")  # type: ignore[arg-type]
    for method in [name for name, pipeline in PRUNERS.items() if pipeline.needs != "nothing"]:
        with pytest.raises(UserError, match=f"method {method} looks at data"):
            prune(net, sparsity=0.5, method=method)
    with pytest.raises(UserError, match="training needs data: pass data="):
        prune(net, sparsity=0.5, trainer=Trainer(epochs=1))
    with pytest.raises(UserError, match="training needs data as Splits"):
        prune(net, sparsity=0.5, data=split, trainer=Trainer(epochs=1))
    with pytest.raises(UserError, match=r"cannot take samples of shape \(3, 8, 8\)"):
        prune(net, sparsity=0.5, data=data.Split(torch.randn(4, 3, 8, 8), torch.zeros(4, dtype=torch.int64)))
    with pytest.raises(UserError, match="no training samples"):
        prune(net, sparsity=0.5, data=split.subset(torch.arange(0)))
    with pytest.raises(UserError, match="Flatten has no weights to prune"):
        prune(nn.Flatten(), sparsity=0.5)
    with pytest.raises(UserError, match="every layer keeps one, so at most"):
        prune(net, sparsity=0.9999)


def test_weights_that_are_not_finite_are_refused() -> None:
    net = residual()
    net.first.weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(UserError, match=r"first\.weight of the network holds values that are not finite"):
        prune(net, sparsity=0.5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sparsity": None}, r"sparsity must be in \[0, 1\), got None"),
        ({"sparsity": "0.5"}, r"sparsity must be in \[0, 1\), got '0.5'"),
        ({"method": None}, "unknown method None"),
        ({"data": torch.zeros(4, 1, 8, 8)}, r"data are Splits .* or a Split\(x, y\) of them, got Tensor"),
        ({"method": "taylor", "data": Split(torch.zeros(4, 1, 8, 8), torch.full((4,), 12))}, "labels up to 12"),
    ],
)
def test_settings_of_other_kinds_are_told(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        prune(residual(), **{"sparsity": 0.5, **settings})


def test_what_is_no_network() -> None:
    with pytest.raises(UserError, match="got int"):
        prune(3, sparsity=0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["taylor", "structured"])
def test_a_text_transformer_is_pruned(method: str) -> None:
    """Its samples are ids, which stay integers."""
    torch.manual_seed(0)
    net, ids = Bert().eval(), torch.randint(50, (8, 12))
    found = prune(net, sparsity=0.5, method=method, data=Split(ids, torch.zeros(8, dtype=torch.int64)))
    assert found(ids).shape == (8, 3)
    count = sum(int((p != 0).sum()) for p in found.parameters())
    assert count < 0.9 * sum(int((p != 0).sum()) for p in net.parameters())
