"""Random changes to whole batches: one draw per sample, all samples at once, from a given generator."""

from __future__ import annotations

from archwright.data.augmentation._affine import Affine
from archwright.data.augmentation._compose import Compose
from archwright.data.augmentation._cutout import Cutout
from archwright.data.augmentation._flip import Flip
from archwright.data.augmentation._presets import AUGMENTATIONS, build, names
from archwright.data.augmentation._shift import Shift

__all__ = ["AUGMENTATIONS", "Affine", "Compose", "Cutout", "Flip", "Shift", "build", "names"]
