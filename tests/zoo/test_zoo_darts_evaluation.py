"""Evaluation networks of the DARTS space: published counts, the auxiliary head, dropping paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from archwright import cost, data, zoo
from archwright.errors import UserError
from archwright.estimate import Train
from archwright.export import save
from archwright.train import Trainer, classification_loss
from archwright.zoo import Evaluation, EvaluationNetwork, darts_evaluation
from archwright.zoo._darts_evaluation import DropPath

SHORT = {
    "s3": "sep_conv_3x3", "s5": "sep_conv_5x5", "d3": "dil_conv_3x3", "d5": "dil_conv_5x5", "skip": "skip_connect",
    "max": "max_pool_3x3", "avg": "avg_pool_3x3",
}  # fmt: skip


def cells(normal: str, reduce: str) -> dict[str, list[tuple[str, int]]]:
    """Cells from texts such as `s3,0 skip,1 ...`."""
    return {
        kind: [(SHORT[op], int(i)) for op, i in (pair.split(",") for pair in text.split())]
        for kind, text in (("normal", normal), ("reduce", reduce))
    }


CELLS = {
    "darts-v1": cells(
        "s3,1 s3,0 skip,0 s3,1 skip,0 s3,1 s3,0 skip,2", "max,0 max,1 skip,2 max,0 max,0 skip,2 skip,2 avg,0"
    ),
    "darts-v2": cells(
        "s3,0 s3,1 s3,0 s3,1 s3,1 skip,0 skip,0 d3,2", "max,0 max,1 skip,2 max,1 max,0 skip,2 skip,2 max,1"
    ),
    "xnas": cells("s3,1 skip,0 s3,0 s3,2 s3,3 s3,1 d5,4 s3,0", "max,0 avg,1 avg,0 skip,2 d3,3 max,0 d5,4 avg,0"),
    "p-darts": cells("skip,0 d3,1 skip,0 s3,1 s3,1 s3,3 s3,0 d5,4", "avg,0 s5,1 s3,0 d5,2 max,0 d3,1 d3,1 d5,3"),
}
IMAGENET: dict[str, Any] = {"channels": 48, "layers": 14, "classes": 1000, "image_size": 224, "imagenet": True}
SMALL: dict[str, Any] = {"channels": 4, "layers": 3, "in_channels": 1, "classes": 4, "image_size": 8}


@pytest.mark.parametrize(
    ("name", "settings", "params"),
    [
        ("darts-v1", {}, 3_169_414),
        ("darts-v2", {}, 3_349_342),
        ("darts-v2", {"auxiliary": True}, 3_825_768),
        ("darts-v2", {"channels": 16, "layers": 8}, 246_106),
        ("darts-v2", IMAGENET, 4_718_752),
        ("xnas", {}, 3_793_438),
        ("xnas", IMAGENET, 5_260_000),
        ("p-darts", {}, 3_433_798),
        ("p-darts", IMAGENET, 4_944_352),
    ],
)
def test_published_parameters(name: str, settings: dict[str, Any], params: int) -> None:
    assert cost.params(darts_evaluation(CELLS[name], **{"auxiliary": False, **settings})) == params


@pytest.mark.parametrize(
    ("name", "settings", "multiplications"),
    [("darts-v2", {}, 528_359_040), ("darts-v2", IMAGENET, 529_911_552), ("xnas", IMAGENET, 590_404_992)],
)
def test_published_multiplications(name: str, settings: dict[str, Any], multiplications: int) -> None:
    size = settings.get("image_size", 32)
    assert cost.flops(darts_evaluation(CELLS[name], **settings).eval(), (1, 3, size, size)) == 2 * multiplications


def test_an_architecture_of_the_space_is_as_good_as_a_genotype() -> None:
    arch = zoo.darts.from_genotype(CELLS["xnas"])
    assert cost.params(darts_evaluation(arch)) == cost.params(darts_evaluation(CELLS["xnas"]))


@pytest.mark.parametrize(("size", "imagenet"), [(8, False), (28, False), (32, False), (64, True), (224, True)])
def test_two_heads_in_training_one_afterwards(size: int, imagenet: bool) -> None:
    net = darts_evaluation(CELLS["darts-v2"], **{**SMALL, "image_size": size, "imagenet": imagenet})
    x, y = torch.randn(2, 1, size, size), torch.tensor([0, 3])
    logits, other = net(x)
    assert logits.shape == other.shape == (2, 4)
    expected = nn.functional.cross_entropy(logits, y) + 0.4 * nn.functional.cross_entropy(other, y)
    assert classification_loss((logits, other), y).item() == pytest.approx(expected.item())
    assert net.eval()(x).shape == (2, 4)


def test_paths_drop_samples_and_keep_the_mean() -> None:
    path, x = DropPath(), torch.ones(4000, 2, 3, 3)
    path.probability = 0.25
    out = path(x)
    whole = out.flatten(1)
    assert ((whole == 0).all(1) | (whole == whole[whole > 0][0]).all(1)).all()
    assert (whole[:, 0] == 0).float().mean() == pytest.approx(0.25, abs=0.03)
    assert whole.max() == pytest.approx(4 / 3)
    assert torch.equal(path.eval()(x), x)


def test_the_probability_rises_linearly_and_is_kept() -> None:
    net = darts_evaluation(CELLS["darts-v2"], **SMALL, drop_path=0.2)
    x = torch.randn(2, 1, 8, 8)
    for done, expected in ((0, 0.0), (150, 0.05), (600, 0.2)):
        net.progressed(done, 600)
        net(x)
        assert {round(float(p.probability), 6) for p in net._paths()} == {expected}
    again = darts_evaluation(CELLS["darts-v2"], **SMALL, drop_path=0.2)
    again.load_state_dict(net.state_dict())
    assert float(again.dropping) == pytest.approx(0.2)


def test_identities_are_never_dropped() -> None:
    net = darts_evaluation(CELLS["darts-v2"], **SMALL)
    dropped = [list(layer.cell.edges.values()) for layer in net.cells]
    kinds = [
        [isinstance(edge, nn.Sequential) and isinstance(edge[-1], DropPath) for edge in edges] for edges in dropped
    ]
    assert sum(kinds[0]) == 6  # a normal cell with two skips
    assert [sum(k) for k in kinds[1:]] == [5, 5]  # three skips, all from inner nodes, in a reducing one


def test_what_stays_after_training_is_the_same_function() -> None:
    net = darts_evaluation(CELLS["p-darts"], **SMALL)
    net.progressed(1, 2)
    net(torch.randn(8, 1, 8, 8))
    plain, x = net.plain(), torch.randn(3, 1, 8, 8)
    assert torch.equal(plain.eval()(x), net.eval()(x))
    assert not any(isinstance(m, DropPath) for m in plain.modules())
    assert cost.params(plain) == cost.params(darts_evaluation(CELLS["p-darts"], **SMALL, auxiliary=False))
    assert isinstance(plain.train()(x), torch.Tensor)
    assert net.auxiliary is not None


def test_trained_and_exported(tmp_path: Any) -> None:
    """`estimate.Train` trains it, `export.save` writes it."""
    splits = data.load("digits")
    net = zoo.build_for(splits, "darts", channels=4, layers=3)
    arch = net.space.sample(np.random.default_rng(0))
    evaluation = Evaluation(channels=6, layers=3)
    train = Train(net, splits, trainer=Trainer(epochs=1, batch_size=256), evaluation=evaluation)
    (report,) = train(arch, seed=0)
    assert report.metrics["accuracy"] > 5
    network = evaluation.network(net, arch, splits)
    example = torch.randn(4, 1, 8, 8)
    exported = save(network.plain().eval(), tmp_path / "best", example=example[:1], architecture=arch, check_x=example)
    assert exported.onnx_agreement.max_abs < 1e-4
    text = exported.paths["model.py"].read_text()
    assert "import archwright" not in text
    assert "from archwright" not in text
    assert "rand" not in text


def test_dropping_grows_while_training() -> None:
    splits = data.load("digits")
    net = darts_evaluation(CELLS["darts-v1"], **{**SMALL, "classes": 10})
    list(Trainer(epochs=1, batch_size=512).fit(net, splits, on_update=net.progressed))
    assert float(net.dropping) == pytest.approx(0.2)


def test_other_spaces_have_none() -> None:
    splits = data.load("digits")
    with pytest.raises(UserError, match="for the space 'darts', not for 'convnet'"):
        Train(zoo.build_for(splits, "convnet"), splits, evaluation=Evaluation())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": 2}, "layers must be at least 3"),
        ({"channels": 5}, "channels even"),
        ({"drop_path": 1.0}, r"drop_path must be in \[0, 1\)"),
        ({"imagenet": True}, "image_size must be from 64"),
    ],
)
def test_sizes_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        darts_evaluation(CELLS["darts-v1"], **{**SMALL, **settings})


def test_an_evaluation_network_is_one_class() -> None:
    assert isinstance(darts_evaluation(CELLS["darts-v1"], **SMALL), EvaluationNetwork)
