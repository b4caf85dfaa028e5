"""What every data set keeps."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from archwright.data import Split, Splits

PARTS = ("train", "valid", "test")


class DatasetContract:
    """Rules of a data set. Provide the fixture `splits`, what `archwright.data.load` makes of it."""

    @pytest.fixture
    def splits(self) -> Splits:
        raise NotImplementedError("provide the data, loaded, in a fixture called `splits`")

    def parts(self, splits: Splits) -> list[Split]:
        """The parts, in order."""
        return [splits.train, splits.valid, splits.test]

    def test_samples_have_one_shape(self, splits: Splits) -> None:
        shape = splits.input_shape
        assert len(shape) == {"image": 3, "table": 1}[splits.kind]
        assert splits.in_channels == shape[0]
        assert splits.image_size == min(shape[1:], default=1)
        for part in self.parts(splits):
            assert tuple(part.x.shape) == (len(part), *shape)
            assert part.x.dtype in ((torch.uint8, torch.float32) if splits.kind == "image" else (torch.float32,))

    def test_labels_are_positions_in_the_list_of_classes(self, splits: Splits) -> None:
        assert len(set(splits.classes)) == len(splits.classes) >= 2
        assert all(isinstance(name, str) for name in splits.classes)
        for part in self.parts(splits):
            assert part.y.dtype == torch.int64
            assert part.y.shape == (len(part),)
            assert len(part) == 0 or 0 <= int(part.y.min()) <= int(part.y.max()) < len(splits.classes)

    def test_every_class_can_be_learned(self, splits: Splits) -> None:
        assert set(splits.train.y.tolist()) == set(range(len(splits.classes)))

    def test_no_sample_is_in_two_parts(self, splits: Splits) -> None:
        indices = [splits.indices[part] for part in PARTS]
        assert [len(i) for i in indices] == [len(part) for part in self.parts(splits)]
        together = np.concatenate(indices)
        assert len(np.unique(together)) == len(together)

    def test_statistics_are_those_of_the_training_part(self, splits: Splits) -> None:
        if not isinstance(splits.train.x, Tensor):
            pytest.skip("of streamed images a sample is read")
        columns = splits.train.x.transpose(0, 1).flatten(1)  # (C or F, values)
        for column, mean, std in zip(columns, splits.mean.tolist(), splits.std.tolist(), strict=True):
            values = column.to(torch.float64)
            deviation = values.std(correction=0).item()
            assert mean == pytest.approx(values.mean().item(), rel=1e-4, abs=1e-4)
            assert std == pytest.approx(deviation if deviation > 0 else 1.0, rel=1e-4, abs=1e-4)

    def test_batches_are_normalised_with_them(self, splits: Splits) -> None:
        for part in self.parts(splits):
            x, _ = next(iter(part.batches(8)))
            assert x.dtype == torch.float32
            assert x.isfinite().all()
            raw = part.x[:8].float()
            torch.testing.assert_close(x, splits.normalizer()(raw), rtol=1e-4, atol=1e-5)

    def test_a_pass_visits_every_sample_once(self, splits: Splits) -> None:
        for shuffle in (False, True):
            y = torch.cat([y for _, y in splits.valid.batches(7, shuffle=shuffle)])
            assert torch.equal(y.sort().values, splits.valid.y.sort().values)
        assert torch.equal(torch.cat([y for _, y in splits.valid.batches(7)]), splits.valid.y)

    def test_the_order_follows_seed_and_epoch(self, splits: Splits) -> None:
        def first(seed: int, epoch: int) -> Tensor:
            return next(iter(splits.train.batches(16, shuffle=True, seed=seed, epoch=epoch)))[0]

        assert torch.equal(first(1, 2), first(1, 2))
        assert not torch.equal(first(1, 2), first(1, 3))
        assert not torch.equal(first(1, 2), first(2, 2))

    def test_the_fingerprint_is_a_sha256(self, splits: Splits) -> None:
        assert re.fullmatch("[0-9a-f]{64}", splits.fingerprint)
