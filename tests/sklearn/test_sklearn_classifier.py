"""`SearchClassifier` by scikit-learn's own checks, and what they do not ask for."""

from __future__ import annotations

import pickle
import tempfile

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from archwright import cost
from archwright.errors import Infeasible, UserError
from archwright.sklearn import SearchClassifier
from archwright.sklearn._parts import parts
from archwright.study import stored


def phases(supernet: int, choice: int) -> tuple[str, ...]:
    """The default recipe, that short."""
    epochs = {"train-supernet": supernet, "train": choice}
    lines = ("trainer.epochs={}", "trainer.batch_size=32", "trainer.warmup=0", "trainer.ema=0")
    return tuple(f"phases.{phase}.{line.format(n)}" for phase, n in epochs.items() for line in lines)


ROWS = ("space.mlp.width=16", "space.mlp.depth=1")


def rows(**settings: object) -> SearchClassifier:
    given = {"trials": 2, "minutes": None, "settings": (*ROWS, *phases(3, 8)), "random_state": 0}
    return SearchClassifier(**(given | settings))


def images(**settings: object) -> SearchClassifier:
    return rows(**({"settings": phases(1, 1)} | settings))


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(n_samples=300, centers=3, cluster_std=0.5, random_state=0)


@pytest.fixture(scope="module")
def fitted(blobs):
    return rows().fit(*blobs)


@pytest.fixture(scope="module")
def pictures():
    x, y = load_digits(n_class=3, return_X_y=True)
    return x.reshape(-1, 8, 8)[:120].astype(np.uint8), y[:120]


@pytest.fixture(scope="module")
def fitted_pictures(pictures):
    return images().fit(*pictures)


@parametrize_with_checks([rows()])  # all of them: no exceptions
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_the_model_is_plain_and_takes_raw_rows(fitted, blobs):
    x, y = blobs
    assert all(type(module).__module__.startswith("torch.") for module in list(fitted.model_.modules())[1:])
    with torch.no_grad():
        logits = fitted.model_(torch.from_numpy(x).float())
    np.testing.assert_allclose(logits.softmax(1).numpy(), fitted.predict_proba(x), atol=1e-5)
    assert accuracy_score(y, logits.argmax(1).numpy()) == fitted.score(x, y) > 0.8


def test_result_says_what_was_done(fitted):
    result = fitted.result_
    assert result["params"] == cost.params(fitted.model_)
    assert result["data"]["sizes"] == {"train": 255, "valid": 45, "test": 0}
    assert result["architecture"] == fitted.architecture_
    assert "folder" not in result
    assert "test" not in result


def test_nothing_is_left_of_a_temporary_run(blobs, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = rows().fit(*blobs)
    assert list(tmp_path.iterdir()) == []
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict_proba(blobs[0]), found.predict_proba(blobs[0]))


def test_a_kept_run_is_taken_up(blobs, tmp_path):
    first = rows(out=tmp_path / "run").fit(*blobs)
    trials = stored(tmp_path / "run" / "study.db", "search")
    assert len(trials) == 2
    second = rows(out=tmp_path / "run").fit(*blobs)
    np.testing.assert_array_equal(first.predict_proba(blobs[0]), second.predict_proba(blobs[0]))
    assert stored(tmp_path / "run" / "study.db", "search") == trials
    with pytest.raises(UserError, match="another configuration: data 'arrays"):
        rows(out=tmp_path / "run").fit(blobs[0] + 1, blobs[1])


def test_random_state_is_the_seed(blobs):
    assert rows(random_state=7).fit(*blobs).result_["seed"] == 7
    seed = np.random.RandomState(7).randint(2**31 - 1)
    assert rows(random_state=np.random.RandomState(7)).fit(*blobs).result_["seed"] == seed


def test_string_labels_come_back(blobs):
    names = np.array(["pear", "apple", "fig"])[blobs[1]]
    found = rows().fit(blobs[0], names)
    assert found.classes_.tolist() == ["apple", "fig", "pear"]
    assert found.result_["data"]["classes"] == ["apple", "fig", "pear"]
    assert found.score(blobs[0], names) > 0.8


@pytest.mark.parametrize(
    "y",
    [[0] * 5 + [1] * 5, [0, 0, 1, 1, 2, 2], [0, 1], [0, 1, 1, 1, 1, 1, 2]],
    ids=["ten rows", "two of each", "one of each", "single ones"],
)
def test_few_samples_are_enough(y):
    x = np.eye(len(y)) + 10 * np.array(y)[:, None]
    found = rows().fit(x, y)
    assert found.predict_proba(x).shape == (len(y), len(set(y)))


def test_one_constant_column_is_enough():
    assert rows().fit(np.ones((8, 1)), [0, 1] * 4).predict([[1.0]]).shape == (1,)


@pytest.mark.parametrize("y", [[0, 0, 1, 1, 2, 2], [0] * 40 + [1], [0] * 50 + [1] * 2 + [2] * 30])
def test_every_class_is_trained(y):
    y = np.array(y)
    found = parts(y, seed=0)
    assert sorted(np.concatenate(list(found.values()))) == list(range(len(y)))
    assert set(y[found["train"]]) == set(y)
    assert len(found["valid"]) >= sum((y == c).sum() > 1 for c in set(y))
    assert all((y == c).sum() > 1 for c in y[found["valid"]])


def test_one_class_is_refused(blobs):
    with pytest.raises(ValueError, match="y holds 1 class, 'a'; a classifier needs at least 2"):
        rows().fit(blobs[0], ["a"] * len(blobs[0]))


def test_limits_bind(fitted, blobs):
    most = cost.params(fitted.model_) - 1
    assert cost.params(rows(trials=16, max_params=most).fit(*blobs).model_) <= most
    with pytest.raises(Infeasible, match="no network meets the limits"):
        rows(max_params=10).fit(*blobs)


def test_a_wrong_setting_is_named(blobs):
    with pytest.raises(ValueError, match="did you mean 'mlp'"):
        rows(space="mpl", settings=()).fit(*blobs)
    with pytest.raises(ValueError, match="unknown recipe 'defualt'"):
        rows(recipe="defualt").fit(*blobs)


def test_a_recipe_that_trains_no_further_answers_with_shared_weights(blobs):
    short = ("phases.train-supernet.trainer.epochs=6", "phases.train-supernet.trainer.warmup=0")
    assert rows(recipe="bignas", settings=(*ROWS, *short)).fit(*blobs).score(*blobs) > 0.6


def test_images_are_searched_among_convolutions(fitted_pictures, pictures):
    assert fitted_pictures.input_shape_ == (1, 8, 8)
    assert any(isinstance(module, torch.nn.Conv2d) for module in fitted_pictures.model_.modules())
    probabilities = fitted_pictures.predict_proba(pictures[0])
    np.testing.assert_allclose(probabilities.sum(1), 1)
    with torch.no_grad():
        logits = fitted_pictures.model_(torch.from_numpy(pictures[0])[:, None].float())
    np.testing.assert_allclose(logits.softmax(1).numpy(), probabilities, atol=1e-5)


def test_the_order_of_axes_does_not_matter(pictures):
    x, y = np.repeat(pictures[0][:60, None], 3, axis=1), pictures[1][:60]
    first, last = (images(trials=1).fit(a, y) for a in (x, x.transpose(0, 2, 3, 1)))
    assert (first.sample_shape_, last.sample_shape_) == ((3, 8, 8), (8, 8, 3))
    np.testing.assert_allclose(first.predict_proba(x), last.predict_proba(x.transpose(0, 2, 3, 1)), atol=1e-6)


def test_images_of_another_size_are_refused(fitted_pictures, pictures):
    with pytest.raises(ValueError, match=r"samples of shape \(8, 8\), as in fit; got \(8, 7\)"):
        fitted_pictures.predict(pictures[0][:, :, 1:])


def test_it_goes_into_pipelines_and_grids(blobs):
    steps = make_pipeline(StandardScaler(), rows())
    grid = GridSearchCV(steps, {"searchclassifier__max_params": [200, None]}, cv=2, refit=False)
    assert grid.fit(*blobs).best_score_ > 0.6
    assert clone(grid).get_params()["estimator__searchclassifier__trials"] == 2
