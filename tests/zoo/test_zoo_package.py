"""The registry of spaces."""

from __future__ import annotations

import pytest

from archwright import zoo
from archwright.errors import UserError


def test_the_registered_spaces() -> None:
    assert zoo.names() == [
        "conv-macro",
        "convnet",
        "darts",
        "darts-s1",
        "darts-s2",
        "darts-s3",
        "darts-s4",
        "dso-nas",
        "entangled-cell",
        "mlp",
        "nasbench201",
        "proxyless",
    ]
    assert all(zoo.SPACES.about(name).endswith(".") for name in zoo.names())


def test_spaces_are_named_after_their_registration() -> None:
    for name in zoo.names():
        size = None if name == "mlp" else 16
        assert zoo.build(name, in_channels=3, classes=2, image_size=size).space.name == name


def test_an_unknown_space_is_told() -> None:
    with pytest.raises(UserError, match="unknown space 'convnets'; did you mean 'convnet'"):
        zoo.build("convnets", in_channels=3, classes=10, image_size=32)


@pytest.mark.parametrize("name", sorted({*zoo.names()} - {"mlp"}))
def test_image_spaces_send_tables_elsewhere(name: str) -> None:
    with pytest.raises(UserError, match="tables are served by 'mlp'"):
        zoo.build(name, in_channels=3, classes=10)
