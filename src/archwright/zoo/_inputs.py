"""Checks of the sizes that every space is built for."""

from __future__ import annotations

from archwright.errors import UserError


def check(
    space: str, *, in_channels: int, classes: int, image_size: int | None, smallest: int = 1, largest: int = 4096
) -> None:
    """Refuse sizes a network of `space` cannot serve.

    Raises:
        UserError: with the size, and what is allowed.
    """
    if in_channels < 1:
        raise UserError(f"{space}: in_channels must be at least 1, got {in_channels}")
    if classes < 2:
        raise UserError(f"{space}: classes must be at least 2, got {classes}")
    if image_size is not None and not smallest <= image_size <= largest:
        raise UserError(f"{space}: image_size must be from {smallest} to {largest} pixels, got {image_size}")


def image(space: str, image_size: int | None) -> int:
    """The image size of a space that is for images only."""
    if image_size is None:
        raise UserError(f"{space} is a space for images; tables are served by 'mlp'")
    return image_size
