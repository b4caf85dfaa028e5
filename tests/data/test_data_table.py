from __future__ import annotations

import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from archwright import data
from archwright.errors import UserError


def frame(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "colour": rng.choice(["red", "green", "blue"], n),
            "smoker": rng.random(n) < 0.5,
            "label": np.array(["no", "yes"])[np.arange(n) % 2],
        }
    )


def csv(path: Path, table: pd.DataFrame, **options: Any) -> Path:
    table.to_csv(path, index=False, **options)
    return path


def test_columns_become_numbers(tmp_path: Path) -> None:
    table = frame()
    splits = data.load(csv(tmp_path / "people.csv", table))
    assert splits.kind == "table"
    assert splits.name == "people"
    assert splits.classes == ("no", "yes")
    assert splits.encoder is not None
    assert splits.encoder.features == ("age", "colour=blue", "colour=green", "colour=red", "smoker")
    rows = table.iloc[splits.indices["valid"]]
    expected = np.column_stack(
        [rows.age, rows.colour == "blue", rows.colour == "green", rows.colour == "red", rows.smoker]
    )
    np.testing.assert_allclose(splits.valid.x.numpy(), expected.astype(float), rtol=1e-5)
    assert splits.valid.x.dtype == torch.float32


def test_parquet_equals_csv(tmp_path: Path) -> None:
    table = frame()
    table["colour"] = table["colour"].astype("category")
    table.to_parquet(tmp_path / "people.parquet")
    a, b = data.load(tmp_path / "people.parquet"), data.load(csv(tmp_path / "people.csv", table))
    torch.testing.assert_close(a.train.x, b.train.x)
    assert torch.equal(a.train.y, b.train.y)


@pytest.mark.parametrize("name", ["label", "Target", "CLASS", "y"])
def test_label_column_by_its_usual_names(tmp_path: Path, name: str) -> None:
    splits = data.load(csv(tmp_path / "a.csv", frame().rename(columns={"label": name})))
    assert splits.classes == ("no", "yes")
    assert splits.input_shape == (5,)


def test_label_column_by_name(tmp_path: Path) -> None:
    splits = data.load(csv(tmp_path / "a.csv", frame()), label="smoker")
    assert splits.classes == ("False", "True")
    assert splits.encoder is not None
    assert "label=yes" in splits.encoder.features


def test_missing_numbers_become_the_median_of_train_and_missing_words_a_category(tmp_path: Path) -> None:
    table = frame()
    table.loc[5:14, "age"] = np.nan
    table.loc[20:29, "colour"] = None
    splits = data.load(csv(tmp_path / "a.csv", table))
    assert splits.encoder is not None
    median = np.nanmedian(table.age.iloc[splits.indices["train"]])
    ages = np.concatenate([getattr(splits, part).x[:, 0] for part in ("train", "valid", "test")])
    assert np.isclose(ages, median).sum() == 10
    assert "colour=(missing)" in splits.encoder.features
    everything = torch.cat([splits.train.x, splits.valid.x, splits.test.x])
    assert everything[:, splits.encoder.features.index("colour=(missing)")].sum() == 10
    assert everything.isfinite().all()


def test_question_marks_are_missing_but_none_may_be_a_class(tmp_path: Path) -> None:
    table = frame()
    table["label"] = np.array(["None", "NA"])[np.arange(60) % 2]
    table["age"] = table["age"].map("{:.2f}".format).where(np.arange(60) % 5 > 0, "?")
    splits = data.load(csv(tmp_path / "a.csv", table))
    assert splits.classes == ("NA", "None")
    assert splits.encoder is not None
    assert splits.encoder.features[0] == "age"


def test_categories_come_from_train_and_others_become_zeros(tmp_path: Path) -> None:
    table = frame()
    split = data.load(csv(tmp_path / "a.csv", table)).indices
    table.loc[split["test"], "colour"] = "violet"
    splits = data.load(csv(tmp_path / "b.csv", table), indices=split)
    assert splits.encoder is not None
    assert "colour=violet" not in splits.encoder.features
    assert splits.test.x[:, 1:4].sum() == 0


def test_row_numbers_written_by_pandas_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frame().sort_values("label").reset_index(drop=True).to_csv(tmp_path / "a.csv")
    assert data.load(tmp_path / "a.csv").input_shape == (5,)
    assert "the first column has no name" in caplog.text


def test_identifiers_and_empty_columns_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = frame().assign(name=[f"person {i}" for i in range(60)], nothing=np.nan)
    splits = data.load(csv(tmp_path / "a.csv", table))
    assert splits.input_shape == (5,)
    assert "'name' has 39 different words in 39 rows; left out" in caplog.text
    assert "'nothing' has no value" in caplog.text


def test_many_categories_keep_the_most_frequent(tmp_path: Path) -> None:
    words = np.concatenate([np.repeat([f"w{i}" for i in range(100)], 20), np.repeat([f"z{i}" for i in range(20)], 3)])
    table = pd.DataFrame({"word": words, "a": 1.0, "y": np.arange(len(words)) % 2})
    splits = data.load(csv(tmp_path / "a.csv", table))
    assert splits.input_shape == (101,)
    assert splits.encoder is not None
    assert not any("=z" in feature for feature in splits.encoder.features)


def test_other_kinds_of_number_in_parquet(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "day": [pd.NaT, *[pd.Timestamp("1970-01-11")] * 59],
            "lasted": pd.Timedelta(hours=36),
            "price": [decimal.Decimal("2.5")] * 60,
            "count": pd.array([None, *[4] * 59], dtype="Int64"),
            "y": pd.Categorical(["u", "v"] * 30),
        }
    )
    table.to_parquet(tmp_path / "a.parquet")
    splits = data.load(tmp_path / "a.parquet")
    assert splits.train.x.unique(dim=0).tolist() == [[10.0, 1.5, 2.5, 4.0]]
    assert splits.classes == ("u", "v")


def test_rows_longer_than_the_header_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,label\n" + "1,x,9\n2,y,9\n" * 5)
    with pytest.raises(UserError, match="is not a readable table: Length of header"):
        data.load(tmp_path / "a.csv")


def test_encoder_survives_json(tmp_path: Path) -> None:
    table = frame()
    encoder = data.load(csv(tmp_path / "a.csv", table)).encoder
    assert encoder is not None
    again = data.TableEncoder.from_json(encoder.to_json())
    assert again == encoder
    fresh = frame(7, seed=1)
    np.testing.assert_array_equal(again(fresh), encoder(fresh))
    with pytest.raises(UserError, match="lacks the column 'colour'; it has: age, smoker, label"):
        again(fresh.drop(columns="colour"))
    with pytest.raises(UserError, match="column 'age' must hold numbers, as in training"):
        again(fresh.assign(age="old"))


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_byte_order_mark(tmp_path: Path, separator: str) -> None:
    splits = data.load(csv(tmp_path / "a.csv", frame(), sep=separator, encoding="utf-8-sig"))
    assert splits.input_shape == (5,)
    assert splits.encoder is not None
    assert splits.encoder.features[0] == "age"


@pytest.mark.parametrize(
    ("change", "label", "match"),
    [
        (
            lambda t: t.rename(columns={"label": "outcome"}),
            None,
            "no column named label, target, class, y; .* Columns: age, colour",
        ),
        (lambda t: t, "lable", r"has no column 'lable'; did you mean 'label'"),
        (lambda t: t.assign(label=t.age), None, "the label column must be integers or strings, got float64"),
        (
            lambda t: t.assign(label=["a", None, "b", "a", "b", "a"] * 10),
            None,
            "10 rows have no value in the label .* first row 2",
        ),
        (lambda t: t.assign(label="a"), None, "holds 1 class; at least 2"),
        (lambda t: t.assign(age=np.inf), None, "column 'age' holds 60 infinite values"),
        (lambda t: t.assign(age=1e300), None, "column 'age' holds 60 infinite values"),
        (lambda t: t[["label"]], None, "no usable feature column among: none"),
        (lambda t: t[:0], None, "has no rows"),
        (lambda t: t.assign(label=["c", "c"] + ["a", "b"] * 29), None, "class 'c' has 2 samples"),
    ],
)
def test_refusals(tmp_path: Path, change: Any, label: str | None, match: str) -> None:
    with pytest.raises(UserError, match=match) as caught:
        data.load(csv(tmp_path / "bad.csv", change(frame())), label=label)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", b""), ("a.csv", b"\xff\xfe\x00"), ("a.parquet", b"PAR1 not really")]
)
def test_unreadable_file(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is not a readable table") as caught:
        data.load(tmp_path / name)
    assert "\n" not in str(caught.value)
