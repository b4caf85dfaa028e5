"""Predictors: linear truth, order on a table, uncertainty, what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from archwright import data, zoo
from archwright.errors import UserError
from archwright.estimate import ESTIMATORS, PREDICTORS, Predictor, Table, Taught, Train
from archwright.estimate.predict import MLP, Coverage, GraphNetwork, RandomForest, Ridge, cross_predict
from archwright.registry import Part
from archwright.space import Arch, Choice, Ordinal, Real, Space
from archwright.statistics import kendall
from archwright.testing import EstimatorContract
from archwright.train import Trainer
from archwright.trial import Trial

SPACE = Space(
    [Choice("op", ["conv", "pool", "skip"]), Ordinal("width", [8, 16, 24, 32]), Ordinal("depth", [1, 2, 3]),
     Real("rate", 0.0, 1.0)],
    when={"rate": {"op": ["conv"]}},
)  # fmt: skip
WORTH = {"conv": 5.0, "pool": 1.0, "skip": 0.0}


def worth(arch):
    return WORTH[arch["op"]] + arch["width"] / 8 + 2 * arch["depth"] + arch.get("rate", 0.0)


def drawn(count, seed=0):
    rng = np.random.default_rng(seed)
    archs = [SPACE.sample(rng) for _ in range(count)]
    return archs, np.array([worth(a) for a in archs])


@pytest.mark.parametrize("name", PREDICTORS.names())
def test_every_regressor_learns_the_order(name):
    archs, values = drawn(60)
    new, truth = drawn(60, 1)
    mean, std = PREDICTORS.load(name)(SPACE).fit(archs, values).predict(new)
    assert mean.shape == std.shape == (60,)
    assert kendall(mean, truth) > 0.7
    assert np.abs(mean - truth).mean() < 1.0  # of 0 ... 16, in the units of the values
    assert (std >= 0).all()


@pytest.mark.parametrize("name", PREDICTORS.names())
def test_every_regressor_is_repeatable_and_leaves_global_randomness_alone(name):
    archs, values = drawn(20)
    state = torch.get_rng_state()
    a, b = (PREDICTORS.load(name)(SPACE, seed=3).fit(archs, values).predict(archs) for _ in range(2))
    assert (a[0] == b[0]).all()
    assert (a[1] == b[1]).all()
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", PREDICTORS.names())
def test_every_regressor_survives_values_without_order(name):
    archs, values = drawn(12)
    mean, std = PREDICTORS.load(name)(SPACE).fit(archs, 0 * values + 7.0).predict(archs)
    assert mean == pytest.approx(np.full(12, 7.0), abs=0.3)
    assert np.isfinite(std).all()


def test_ridge_is_exact_where_the_truth_is_linear():
    space = Space([Choice(f"e{i}", ["a", "b", "c"]) for i in range(4)])
    rng = np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(60)]
    values = [sum((i + 1) * "abc".index(a[f"e{i}"]) for i in range(4)) for a in archs]
    new = [space.sample(rng) for _ in range(20)]
    mean, std = Ridge(space).fit(archs, values).predict(new)
    assert mean == pytest.approx([sum((i + 1) * "abc".index(a[f"e{i}"]) for i in range(4)) for a in new], abs=1e-2)
    assert (std < 0.1).all()


@pytest.mark.parametrize("kind", [RandomForest, MLP])
def test_uncertainty_is_larger_where_nothing_was_seen(kind):
    archs, values = drawn(150)
    inside = [i for i, a in enumerate(archs) if a["width"] < 24 and a["op"] != "skip"]
    model = kind(SPACE).fit([archs[i] for i in inside], values[inside])
    error = lambda part: np.mean(model.predict(part)[1])  # noqa: E731
    assert error([a for a in archs if a["width"] == 32 and a["op"] == "skip"]) > error([archs[i] for i in inside])


def test_the_graph_network_sees_the_graph_and_not_the_names():
    """Two spaces of other names with the same graphs are the same to it."""
    nx = pytest.importorskip("networkx")

    def graph(arch):
        g = nx.DiGraph()
        for i, op in enumerate(["in", *arch.values(), "out"]):
            g.add_node(i, op=str(op))
        nx.add_path(g, range(len(g)))
        return g

    first, second = (Space([Choice(n, ["a", "b", "c"]) for n in names], graph=graph) for names in ("xyz", "pqr"))
    rng = np.random.default_rng(0)
    archs = [first.sample(rng) for _ in range(27)]
    values = [3.0 * (a["x"] == "a") + (a["z"] == "b") for a in archs]
    model = GraphNetwork(first, epochs=150).fit(archs, values)
    same = [second.arch(dict(zip("pqr", a.values()))) for a in archs]
    means = GraphNetwork(second, epochs=150).fit(same, values).predict(same)[0]
    assert means == pytest.approx(model.predict(archs)[0], abs=1e-5)
    assert kendall(means, values) > 0.7  # position in the chain matters


def test_coverage():
    archs = [SPACE.arch(a) for a in (
        {"op": "conv", "width": 8, "depth": 1, "rate": 0.2}, {"op": "conv", "width": 24, "depth": 2, "rate": 0.6},
        {"op": "pool", "width": 8, "depth": 1},
    )]  # fmt: skip
    known = Coverage(SPACE, archs)
    conv = {"op": "conv", "width": 16, "depth": 2, "rate": 0.4}
    assert known.outside(Arch(conv)) == ()
    assert known.outside(Arch({**conv, "rate": 0.7})) == ("rate",)
    assert known.outside(Arch({**conv, "width": 32, "depth": 3})) == ("width", "depth")
    assert known.outside(Arch({"op": "skip", "width": 8, "depth": 1})) == ("op",)
    assert Coverage(SPACE, archs[:2]).outside(archs[2]) == ("op", "rate")
    assert Coverage(SPACE, archs[2:]).outside(archs[0]) == ("op", "rate")


def test_cross_validation_does_not_see_the_answer():
    archs, values = drawn(60)
    shuffled = np.random.default_rng(5).permutation(values)
    assert kendall(cross_predict(RandomForest(SPACE), archs, values), values) > 0.6
    assert abs(kendall(cross_predict(RandomForest(SPACE), archs, shuffled), shuffled)) < 0.35


def test_a_predictor_says_what_it_has_learnt_from():
    judge = Predictor(SPACE, "ridge")
    archs, values = drawn(30)
    judge.learn(archs, values)
    learnt = judge.about()
    assert (learnt.count, learnt.sources) == (len(set(archs)), ("table",))
    assert (learnt.low, learnt.high) == (values.min(), values.max())
    assert learnt.kendall > 0.8
    metrics = next(iter(judge(archs[0]))).metrics
    assert set(metrics) == {"accuracy", "accuracy_std", "learnt_from", "cv_kendall", "extrapolated"}
    assert metrics["cv_kendall"] == learnt.kendall
    assert metrics["extrapolated"] == 0.0


def test_extrapolation_is_reported_or_refused():
    archs, values = drawn(60)
    inside = [i for i, a in enumerate(archs) if a["width"] <= 16]
    far = next(a for a in archs if a["width"] == 32)
    for strict in (False, True):
        judge = Predictor(SPACE, "ridge", strict=strict)
        judge.learn([archs[i] for i in inside], values[inside])
        if strict:
            with pytest.raises(UserError, match="width = 32 is outside"):
                next(iter(judge(far)))
        else:
            assert next(iter(judge(far))).metrics["extrapolated"] == 1.0
        with pytest.raises(UserError, match="not of the space"):
            next(iter(judge(Arch({"other": 1}))))


def test_it_learns_from_trials_that_are_complete():
    judge = Predictor(SPACE, "ridge")
    archs, values = drawn(20)
    for i, (arch, value) in enumerate(zip(archs, values)):
        state = "complete" if i % 2 else "stopped"
        judge.tell(Trial(number=i, arch=arch, state=state, metrics={"accuracy": value}, source="trained"))
    assert judge.about().count == len(set(archs[1::2]))
    assert judge.about().sources == ("trained",)
    before = next(iter(judge(archs[0]))).metrics["accuracy"]
    judge.learn(archs[:1], [100.0])
    assert next(iter(judge(archs[0]))).metrics["accuracy"] > before + 5  # new examples are learnt


def test_repeated_values_are_averaged():
    judge = Predictor(SPACE, "ridge")
    archs, values = drawn(20)
    judge.learn(archs, values - 1)
    judge.learn(archs, values + 1)
    assert (judge.about().low, judge.about().high) == pytest.approx((values.min(), values.max()))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Predictor(SPACE, "ridg"), "did you mean"),
        (lambda: Predictor(SPACE).about(), "at least 8"),
        (lambda: Predictor(SPACE, folds=1), "folds"),
        (lambda: Predictor(SPACE).learn(drawn(1)[0], [math.nan]), "finite"),
        (lambda: Predictor(SPACE).learn([Arch({"a": 1})], [1.0]), "not of the space"),
        (lambda: Ridge(SPACE).predict(drawn(1)[0]), "nothing yet"),
        (lambda: Ridge(SPACE).fit(drawn(3)[0], [1.0]), "two or more"),
        (lambda: MLP(SPACE, members=1), "members"),
        (lambda: Taught(SPACE, Table({}), count=3), "count"),
    ],
)
def test_wrong_use_is_told(call, message):
    with pytest.raises(UserError, match=message):
        call()


def test_it_has_its_own_examples_evaluated_once():
    archs, _ = drawn(4000)
    asked = []

    class Counted(Table):
        def __call__(self, arch, *, budget=None, seed=0):
            asked.append(arch)
            yield from Table({arch: {"accuracy": worth(arch)}})(arch)

    judge = Taught(SPACE, Counted({}), count=20, model="ridge")
    for arch in archs[:5]:
        assert next(iter(judge(arch))).metrics["accuracy"] == pytest.approx(worth(arch), abs=1.5)
    assert len(asked) == len(set(asked)) == 20
    assert {(a["width"], a["depth"]) for a in asked} >= {(8, 1), (32, 3)}
    assert judge.predictor().about().sources == ("table",)


@pytest.fixture(scope="module")
def splits():
    rng, y = np.random.default_rng(0), np.arange(120) % 3
    return data.load((rng.normal(y[:, None], 1.0, (120, 5)).astype(np.float32), y))


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return zoo.build("mlp", in_channels=5, classes=3, width=16, depth=2)


class TestTaught(EstimatorContract):
    @pytest.fixture
    def estimator(self, net, splits):
        return Taught(net.space, Train(net, splits, trainer=Trainer(epochs=1)), count=8, model="ridge")

    @pytest.fixture
    def space(self, net):
        return net.space


def test_a_recipe_builds_it(net, splits):
    inner = Part("estimator", "train", {"trainer": Trainer(epochs=1)})
    judge = Part("estimator", "predictor", {"inner": inner, "count": 8, "model": "ridge"}).build(
        ESTIMATORS, net=net, splits=splits
    )
    assert next(iter(judge(net.space.sample(np.random.default_rng(0))))).metrics["learnt_from"] == 8
