"""Every registered space keeps its contract, at a small size always and at its default size in the slow tests."""

from __future__ import annotations

import pytest
from torch import Tensor
from zoo_settings import FULL, SMALL

from archwright import zoo
from archwright.supernet import Supernet
from archwright.testing import SupernetContract


class TestEverySpace(SupernetContract):
    """Reduced sizes, all rules."""

    @pytest.fixture(params=zoo.names())
    def supernet(self, request: pytest.FixtureRequest) -> Supernet:
        return zoo.build(request.param, **SMALL[request.param])


@pytest.mark.slow
class TestEverySpaceAtItsDefaultSize(SupernetContract):
    """What a user gets from `zoo.build` without settings."""

    @pytest.fixture(params=zoo.names())
    def supernet(self, request: pytest.FixtureRequest) -> Supernet:
        return zoo.build(request.param, **FULL[request.param])

    def close(self, a: Tensor, b: Tensor) -> None:
        """Beside the largest output: random statistics make those of dense blocks thousands."""
        scale = b.abs().max().clamp_min(1.0)
        super().close(a / scale, b / scale)


def test_every_space_has_settings_here() -> None:
    assert sorted(SMALL) == sorted(FULL) == zoo.names()
