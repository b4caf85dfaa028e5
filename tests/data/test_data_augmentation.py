from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from archwright import data
from archwright.data import augmentation as A
from archwright.errors import UserError

EVERY = [A.Flip(), A.Shift(2), A.Shift(0), A.Affine(), A.Cutout(3), A.Compose((A.Flip(), A.Shift(1), A.Cutout(2)))]


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def noise(shape: tuple[int, ...] = (16, 3, 8, 10), dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randint(1, 255, shape, generator=seeded(9)).to(dtype)


@pytest.mark.parametrize("augment", EVERY, ids=repr)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_shape_type_and_input_kept_and_seed_decides(augment: Any, dtype: torch.dtype) -> None:
    x = noise(dtype=dtype)
    before = x.clone()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    once, twice, other = augment(x, seeded(1)), augment(x, seeded(1)), augment(x, seeded(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(x, before)
    assert once.shape == x.shape
    assert once.dtype == (torch.float32 if isinstance(augment, A.Affine) else dtype)
    assert torch.equal(once, twice)
    assert torch.equal(once, other) == (augment == A.Shift(0))


@pytest.mark.parametrize("augment", [A.Flip(), A.Shift(2), A.Affine(), A.Cutout(3)], ids=repr)
def test_samples_are_drawn_for_one_by_one(augment: Any) -> None:
    same = noise((1, 3, 8, 10)).expand(32, 3, 8, 10).contiguous()
    assert len(torch.unique(augment(same, seeded()).flatten(1), dim=0)) > 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("pixels", [1, 3])
def test_shift_is_a_crop_of_the_padded_image(pixels: int, channels: int) -> None:
    x = noise((200, channels, 6, 9), torch.uint8)
    fill = list(range(7, 7 + channels))
    moved = A.Shift(pixels, fill)(x, seeded())
    padded = (
        torch.tensor(fill, dtype=torch.uint8)
        .view(1, -1, 1, 1)
        .expand(200, channels, 6 + 2 * pixels, 9 + 2 * pixels)
        .clone()
    )
    padded[:, :, pixels:-pixels, pixels:-pixels] = x
    reach = range(2 * pixels + 1)
    seen = set()
    for i in range(200):
        found = [(r, c) for r in reach for c in reach if torch.equal(moved[i], padded[i, :, r : r + 6, c : c + 9])]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) == (2 * pixels + 1) ** 2 or pixels > 1


def test_flip_mirrors_half_and_only_left_to_right() -> None:
    x = noise((1000, 1, 4, 5))
    flipped = A.Flip()(x, seeded())
    mirrored = (flipped == x.flip(-1)).flatten(1).all(1)
    kept = (flipped == x).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 430 < mirrored.sum() < 570
    assert torch.equal(A.Flip(0.0)(x, seeded()), x)
    assert torch.equal(A.Flip(1.0)(x, seeded()), x.flip(-1))


def test_cutout_blanks_one_square() -> None:
    x = noise((500, 2, 9, 11), torch.uint8)
    blank = A.Cutout(4, fill=(0, 255))(x, seeded())
    changed = (blank != x).any(1)
    assert (blank[:, 0][changed] == 0).all()
    assert (blank[:, 1][changed] == 255).all()
    rows, columns = changed.any(2).sum(1), changed.any(1).sum(1)
    assert torch.equal(changed.flatten(1).sum(1), rows * columns)
    assert (rows.max(), columns.max(), rows.min(), columns.min()) == (4, 4, 2, 2)
    assert changed.float().mean(0).min() > 0.03


def test_affine_without_change_is_the_identity() -> None:
    x = noise()
    torch.testing.assert_close(A.Affine(0.0, 1.0, 0.0)(x, seeded()), x, atol=2e-4, rtol=1e-5)


def test_affine_moves_by_whole_pixels_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    x = noise((4, 1, 6, 9))
    angle, zoom, down, right = torch.zeros(4), torch.zeros(4), torch.ones(4), torch.full((4,), -1.0)
    monkeypatch.setattr(torch, "rand", lambda *_, generator: (torch.stack([angle, zoom, down, right]) + 1) / 2)
    moved = A.Affine(0.0, 1.0, 2.0, fill=5.0)(x, seeded())
    torch.testing.assert_close(moved[:, :, :-2, 2:], x[:, :, 2:, :-2], atol=2e-4, rtol=1e-5)
    torch.testing.assert_close(moved[:, :, -2:], torch.full((4, 1, 2, 9), 5.0), atol=2e-4, rtol=1e-5)


def test_affine_rotation_keeps_distances_on_oblong_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disc stays a disc of the same area when it turns about the centre of a 20 x 60 image."""
    rows, columns = torch.meshgrid(torch.arange(20) - 9.5, torch.arange(60) - 29.5, indexing="ij")
    disc = ((rows**2 + (columns - 7) ** 2) < 9).float()[None, None]
    monkeypatch.setattr(torch, "rand", lambda *_, generator: torch.tensor([[1.0], [0.5], [0.5], [0.5]]))
    turned = A.Affine(degrees=90.0, scale=1.0, pixels=0.0)(disc, seeded())[0, 0]
    assert turned.sum() == pytest.approx(disc.sum().item(), rel=1e-3)
    centre = torch.stack([(turned * rows).sum(), (turned * columns).sum()]) / turned.sum()
    assert centre.abs().tolist() == pytest.approx([7, 0], abs=0.02)


def test_affine_stays_within_its_ranges() -> None:
    theta = A.Affine(10.0, 1.2, 2.0)._matrices(torch.zeros(2000, 1, 8, 8), seeded())
    zoom = theta[:, :, :2].det().sqrt()
    angle = torch.atan2(theta[:, 1, 0], theta[:, 0, 0]).rad2deg()
    assert 1 / 1.2 <= zoom.min() < 0.85
    assert 1.18 < zoom.max() <= 1.2001
    assert 9.5 < angle.abs().max() <= 10.001
    assert 0.48 < theta[:, :, 2].abs().max() <= 0.5


def images(channels: int, size: int = 16, low: float = 0.0) -> data.Splits:
    x = np.random.default_rng(0).uniform(low, 1, (40, channels, size, size)).astype(np.float32)
    return data.load((x, np.arange(40) % 2))


def test_every_preset_runs_on_every_kind_of_image() -> None:
    assert {"auto", "none", "flip-crop", "shift-affine"} <= set(A.names())
    for name in A.names():
        for channels in (1, 2, 3):
            splits = images(channels)
            augment = A.build(name, splits)
            assert (augment is None) == (name == "none")
            for x, _ in splits.train.batches(8, augment=augment):
                assert x.shape[1:] == (channels, 16, 16)
                assert x.isfinite().all()


def test_auto_follows_the_data() -> None:
    assert A.build("auto", images(3)) == A.Compose((A.Flip(), A.Shift(2)))
    assert A.build("auto", images(2)) == A.Shift(2)
    digits = A.build("auto", data.load("digits"))
    assert isinstance(digits, A.Affine)
    assert digits.pixels == 0.5
    table = data.load((np.zeros((40, 3)), np.arange(40) % 2))
    assert A.build("auto", table) is None
    with pytest.raises(UserError, match="'flip' is for images, but arrays is a table"):
        A.build("flip", table)


def test_data_below_zero_is_filled_with_its_mean() -> None:
    splits = images(2, low=-1.0)
    shift = A.build("shift", splits)
    assert isinstance(shift, A.Shift)
    assert shift.fill == tuple(splits.mean.tolist())


def test_unknown_name() -> None:
    with pytest.raises(UserError, match="unknown augmentation 'flip-corp'; did you mean 'flip-crop'"):
        A.build("flip-corp", images(3))
