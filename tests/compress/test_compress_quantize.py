"""Post-training quantisation, from the graph to the pipelines."""

import copy
import dataclasses
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from compress_networks import Bert, accuracy, residual, trained
from torch import Tensor, nn

from archwright import zoo
from archwright.compress import (
    METHODS,
    Activations,
    AdaQuant,
    Affine,
    Nupes,
    Quantised,
    Quantization,
    bitops_of,
    bits_of,
    fold,
    layers,
    of_calibration,
    of_training,
    quantised_layers,
    quantize,
    size_of,
    trace,
    tune_statistics,
)
from archwright.compress._nupes import moved
from archwright.compress._quantised import replace
from archwright.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:.*calibration samples are fewer")


def calibration(n: int = 64) -> Tensor:
    return torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(1))


# graph ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "count"),
    [
        (lambda: residual(), 4),
        (lambda: torchvision.models.mobilenet_v2(num_classes=10, width_mult=0.25), 53),
        (lambda: torchvision.models.VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=10), 10),
    ],
)
def test_a_trace_computes_the_same(build: object, count: int) -> None:
    net = build().eval()  # type: ignore[operator]
    shape = (1, 8, 8) if count == 4 else (3, 32, 32)
    graph = trace(net, torch.randn(3, *shape))
    x = torch.randn(5, *shape)
    assert torch.equal(graph(x), net(x))
    assert len(layers(graph)) == count


def test_a_network_of_the_zoo_is_traced_under_its_names() -> None:
    net = zoo.build("convnet", in_channels=1, classes=10, image_size=8)
    plain = net.extract(net.space.sample(np.random.default_rng(0))).eval()
    graph = trace(plain, calibration(2))
    names = dict(plain.named_modules())
    assert all(name in names for name in layers(graph))
    assert torch.equal(graph(calibration(4)), plain(calibration(4)))


def test_what_stops_a_trace_is_named_with_its_line() -> None:
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(UserError, match=r"Branch cannot be traced.*test_compress_quantize\.py"):
        trace(Branch(), calibration(2))


def test_folding_changes_nothing() -> None:
    net = residual()
    graph = trace(net, calibration(2))
    folded = fold(graph)
    assert set(folded) == {"stem", "first", "second"}
    assert not any(isinstance(m, nn.BatchNorm2d) for m in graph.modules())
    assert (graph(calibration()) - net(calibration())).abs().max() < 1e-4


# quantisers -----------------------------------------------------------------------------------------------------------


def test_zero_is_exact_and_codes_are_integers() -> None:
    quantiser = Affine(4, torch.tensor(-0.3), torch.tensor(1.1))
    x = torch.linspace(-1, 2, 1001)
    codes = quantiser.codes(x).detach()
    assert torch.equal(codes, codes.round())
    assert (int(codes.min()), int(codes.max())) == (0, 15)
    assert quantiser(torch.tensor(0.0)).item() == 0.0
    inside = x[(x >= -0.28) & (x <= 1.05)]
    assert (quantiser(inside) - inside).abs().max() <= quantiser.scale.item() / 2 + 1e-6


def test_a_symmetric_quantiser_has_its_zero_in_the_middle() -> None:
    quantiser = Affine(4, torch.tensor(-0.7), torch.tensor(0.2), symmetric=True)
    assert quantiser(torch.tensor([-0.7, 0.0, 0.7])).tolist() == pytest.approx([-0.7, 0.0, 0.7])
    assert quantiser.levels == 14


@pytest.mark.parametrize("bits", [1, 17, 4.0, True])
def test_unsupported_bits(bits: object) -> None:
    with pytest.raises(UserError, match="bits must be an integer from 2 to 16"):
        Affine(bits, torch.tensor(-1.0), torch.tensor(1.0))  # type: ignore[arg-type]


# statistics -----------------------------------------------------------------------------------------------------------


def test_tuned_channels_have_the_training_statistics() -> None:
    """Sheet of AdaQuant, must show 3: on one batch mean beta to 1e-6, standard deviation |gamma| to 1e-4."""
    graph = trace(residual(), calibration(2))
    folded = fold(graph)
    for name, layer in layers(graph).items():
        replace(graph, name, Quantised(layer, None, None))
    out: dict[str, Tensor] = {}
    tune_statistics(graph, of_training(folded), [calibration()])
    for name in folded:
        graph.get_submodule(name).register_forward_hook(lambda m, a, o, n=name: out.update({n: o}))
    with torch.no_grad():
        graph(calibration())
    for name, f in folded.items():
        assert torch.allclose(out[name].mean((0, 2, 3)), f.beta, atol=1e-6)
        assert torch.allclose(out[name].std((0, 2, 3), correction=0), f.gamma.abs(), rtol=0, atol=1e-4)


def test_tuning_the_full_precision_network_to_itself_changes_nothing() -> None:
    graph = trace(residual(), calibration(2))
    folded = fold(graph)
    wanted = of_calibration(graph, folded, [calibration()])
    before = graph(calibration(16))
    for name, layer in layers(graph).items():
        replace(graph, name, Quantised(layer, None, None))
    tune_statistics(graph, wanted, [calibration()])
    assert (graph(calibration(16)) - before).abs().max() < 1e-3


def test_tuned_weights_stay_on_their_grid() -> None:
    graph = quantize(residual(), calibration(), bits=3, method="light", ends=None)
    for layer in quantised_layers(graph).values():
        for channel in layer.weight.detach().flatten(1):
            assert len(channel.unique()) <= 2**3


# pipelines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_at_eight_bits_keeps_the_network(method: str) -> None:
    net = residual()
    graph = quantize(net, calibration(), bits=8, method=_quick(method))
    wanted, found = net(calibration()).detach(), graph(calibration())
    assert ((found - wanted).norm() / wanted.norm()).item() < 0.05
    assert set(bits_of(graph).values()) == {8}


def _quick(method: str) -> Quantization:
    pipeline = METHODS[method]
    if isinstance(pipeline.learn, AdaQuant):
        pipeline = dataclasses.replace(pipeline, learn=AdaQuant(iterations=20))
    if isinstance(pipeline.learn, Nupes):
        pipeline = dataclasses.replace(pipeline, learn=Nupes(iterations=20))
    return dataclasses.replace(pipeline, biases=min(pipeline.biases, 20))


def test_learning_and_tuning_repair_two_bits() -> None:
    """Sheet of AdaQuant, must show 2, in direction: min-max < AdaQuant < AdaQuant and statistics, at least 5 points."""
    net, calib, x, y = trained()
    learn = AdaQuant(iterations=200)
    found = {
        name: accuracy(quantize(net, calib, bits=2, activation_bits=4, method=pipeline), x, y)
        for name, pipeline in {
            "min-max": Quantization(),
            "parallel": Quantization(learn=learn, order="parallel"),
            "both": Quantization(learn=learn, order="parallel", statistics=True),
        }.items()
    }
    assert accuracy(net, x, y) > 95
    assert found["parallel"] >= found["min-max"] + 5
    assert found["both"] >= found["parallel"] - 1


def _tuned(graph: nn.Module, x: Tensor, y: Tensor, seed: int) -> nn.Module:
    """All weights, biases and ranges trained end to end, straight through the rounding."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(graph.requires_grad_(True).parameters(), lr=1e-3)
    for _ in range(200):
        part = torch.randint(len(x), (50,), generator=generator)
        optimiser.zero_grad()
        F.cross_entropy(graph(x[part]), y[part]).backward()
        optimiser.step()
    return graph.requires_grad_(False)


@pytest.mark.slow
def test_tuning_end_to_end_fits_the_calibration_data_more() -> None:
    """Sheet of AdaQuant, must show 5: a larger gap to test data, and no better accuracy there, over three seeds."""
    net, calib, x, y = trained()
    own = net(calib).argmax(1)
    gaps, scores = {"layers": 0.0, "end to end": 0.0}, {"layers": 0.0, "end to end": 0.0}
    for seed in range(3):
        layers_alone = Quantization(ranges="mse", learn=AdaQuant(iterations=200))
        learned = quantize(net, calib, bits=2, method=layers_alone, seed=seed)
        tuned = _tuned(quantize(net, calib, bits=2, method="mse"), calib, own, seed)
        for name, graph in (("layers", learned), ("end to end", tuned)):
            scores[name] += accuracy(graph, x, y)
            gaps[name] += accuracy(graph, calib, own) - accuracy(graph, x, y)
    assert gaps["end to end"] > gaps["layers"]
    assert scores["layers"] > scores["end to end"] - 1.5


def test_the_order_of_grids() -> None:
    """Sheet of NUPES, must show 5, at 3 and 4 bits: uniform, one exponent found without data, learned codes."""
    net, calib, x, y = trained()
    learned = Quantization(grid="power", ranges="mse", learn=Nupes(iterations=200))
    found = {
        bits: [
            accuracy(quantize(net, calib, bits=bits, method=m), x, y) for m in ("minmax", "nupes-data-free", learned)
        ]
        for bits in (3, 4)
    }
    assert found[3][0] + 1 < found[3][1] < found[3][2] - 1
    assert max(found[4]) - min(found[4]) < 1


def test_a_learned_layer_is_never_worse_on_what_it_was_held_out() -> None:
    net, calib, _, _ = trained()
    graph = trace(net, calib[:2])
    fold(graph)
    layer = list(layers(graph).values())[1]
    x = Activations()
    x.add(torch.rand(100, *layer.weight.shape[1:2], 8, 8))
    original = copy.deepcopy(layer)
    low, high = layer.weight.detach().flatten(1).aminmax(dim=1)
    shape = (-1, 1, 1, 1)
    quantised = Quantised(layer, Affine(2, low.reshape(shape), high.reshape(shape)), None)
    ratio = AdaQuant(iterations=100)(quantised, original, x, x, relu=True, seed=0)
    assert ratio < 0.9


def test_learned_power_codes_move_more_than_one() -> None:
    net, calib, _, _ = trained()
    learn = Nupes(iterations=100)
    graph = quantize(net, calib, bits=4, method=Quantization(grid="power", ranges="mse", learn=learn))
    assert max(moved(layer) for layer in quantised_layers(graph).values()) > 0


def test_bit_operations_are_kept_and_the_least_is_named() -> None:
    """Of one convolution of 1 to 8 channels on 8 x 8 and one linear layer they are 64 x 72 and 80 multiply-adds."""
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.AvgPool2d(8), nn.Flatten(), nn.Linear(8, 10)
    ).eval()
    graph = quantize(net, calibration(), bits=4, activation_bits=8, method="minmax")
    macs = 64 * 72 + 80
    assert bitops_of(graph, calibration(2)) == pytest.approx(64 / 1024)  # both layers are ends
    graph = quantize(net, calibration(), bits=4, activation_bits=6, method="minmax", ends=None)
    assert bitops_of(graph, calibration(2)) == pytest.approx(24 / 1024)
    most = (64 * 72 * 5 * 5 + 80 * 64) / (1024 * macs)
    graph = quantize(net, calibration(), bits=2, method="minmax", bitops=most, ends=None)
    assert bits_of(graph)["0"] <= 5, "nearly all operations are in the convolution"
    assert bitops_of(graph, calibration(2)) <= most * (1 + 1e-9)
    with pytest.raises(UserError, match=r"bitops 0\.001 cannot be reached: the smallest reachable is 0\.00390625"):
        quantize(net, calibration(), bits=2, method="minmax", bitops=0.001, ends=None)


def test_a_latency_is_kept_by_the_table_of_a_device() -> None:
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(128, 10)).eval()
    table = {name: {8: 3.0, 4: 1.0} for name in ("0", "2", "4")}

    def quantised(latency: float, **more: object) -> dict[str, int]:
        return bits_of(
            quantize(net, calibration(), bits=2, method="minmax", ends=None, latency=latency, latencies=table, **more)  # type: ignore[arg-type]
        )

    assert quantised(9.0) == {"0": 8, "2": 8, "4": 8}
    assert sorted(quantised(7.0).values()) == [4, 8, 8]
    assert sorted(quantised(7.0, size=0.18).values()) == [4, 8, 8]
    assert quantised(7.0, size=0.18)["4"] == 4  # most of the weights
    with pytest.raises(UserError, match=r"latency 2 cannot be reached: the smallest reachable is 3"):
        quantised(2.0)
    del table["4"]
    with pytest.raises(UserError, match=r"latencies lack 1 of 3 layers, such as '4'"):
        quantised(9.0)
    table["five"] = {8: 1.0}
    with pytest.raises(UserError, match=r"unknown layer 'five'"):
        quantised(9.0)
    with pytest.raises(UserError, match="latency needs latencies"):
        quantize(net, calibration(), method="minmax", latency=3.0)


def test_a_size_is_kept_and_the_least_is_named() -> None:
    net, calib, _, _ = trained()
    graph = quantize(net, calib, bits=2, method="minmax", size=0.16, ends=None)
    assert size_of(graph) <= 0.16
    assert len(set(bits_of(graph).values())) > 1
    with pytest.raises(ValueError, match=r"smallest reachable is 0\.0625"):
        quantize(net, calib, bits=2, method="minmax", size=0.03, ends=None)


def test_zeros_stay_zero() -> None:
    net = copy.deepcopy(trained()[0])
    layer = net[3]
    with torch.no_grad():
        layer.weight[layer.weight.abs() < layer.weight.abs().median()] = 0.0
    for method in ("minmax", "adaquant", "nupes"):
        graph = quantize(net, trained()[1], bits=4, method=_quick(method))
        weight = quantised_layers(graph)["3"].weight
        assert torch.equal(weight == 0, (weight == 0) | (layer.weight == 0))
        assert (weight[layer.weight == 0] == 0).all()


def test_the_module_itself_is_left_as_it_is() -> None:
    net = residual().train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    quantize(net, calibration(), bits=4, method="light")
    assert net.training
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


# bad input ------------------------------------------------------------------------------------------------------------


def test_calibration_of_the_wrong_shape() -> None:
    with pytest.raises(UserError, match=r"cannot take calibration samples of shape \(3, 8, 8\)"):
        quantize(residual(), torch.randn(8, 3, 8, 8))


def test_weights_that_are_not_finite() -> None:
    net = residual()
    with torch.no_grad():
        net.first.weight[0] = torch.nan
    with pytest.raises(UserError, match=r"first\.weight of the network holds values that are not finite"):
        quantize(net, calibration())


def test_unknown_method_and_bits() -> None:
    with pytest.raises(UserError, match="adaquant"):
        quantize(residual(), calibration(), method="adaqant")
    with pytest.raises(UserError, match="bits must be"):
        quantize(residual(), calibration(), bits=1)


@pytest.mark.filterwarnings("default:.*calibration samples are fewer")
def test_too_few_samples_are_said() -> None:
    with pytest.warns(UserWarning, match="calibration samples are fewer than the"):
        quantize(residual(), calibration(4), bits=4, method=Quantization(learn=AdaQuant(iterations=1)))


# activations ----------------------------------------------------------------------------------------------------------


def test_activations_beyond_the_limit_go_to_disk_and_come_back() -> None:
    parts = [torch.randn(5, 3, generator=torch.Generator().manual_seed(n)) for n in range(4)]
    memory, disk = Activations(), Activations(limit=100)
    for part, kept in itertools.product(parts, (memory, disk)):
        kept.add(part)
    assert disk.on_disk
    assert not memory.on_disk
    index = torch.tensor([0, 19, 7, 7])
    assert torch.equal(disk.rows(index), torch.cat(parts)[index])
    assert torch.equal(memory.rows(index), disk.rows(index))


def test_a_text_transformer() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, ids = Bert().eval(), torch.randint(0, 50, (64, 12))
    graph = trace(net, ids[:2])
    assert torch.allclose(graph(ids), net(ids), atol=1e-6)
    assert len(layers(graph)) == 10, "query, key and value together, output, two of the block, twice; pooler, head"
    errors = [
        (quantize(net, ids, bits=bits, method="mse")(ids) - net(ids)).square().mean().item() for bits in (8, 4, 2)
    ]
    assert errors[0] < 0.01 * net(ids).var().item()
    assert errors[0] < errors[1] < errors[2]
