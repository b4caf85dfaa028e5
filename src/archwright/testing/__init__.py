"""Contracts: test classes for authors of parts.

Each states what archwright expects of one kind of part, one rule a test. Subclass it, provide the object in the fixture
it names, and run pytest:

    class TestMySpace(SupernetContract):
        @pytest.fixture
        def supernet(self) -> Supernet:
            return my_space(channels=4)

A failing rule is a bug in the part, or a part that needs a different interface: every rule is relied upon somewhere.
"""

from __future__ import annotations

try:
    import pytest
except ImportError as error:
    raise ImportError("archwright.testing needs pytest: pip install 'archwright[test]'") from error

pytest.register_assert_rewrite(
    *(
        f"archwright.testing._{part}"
        for part in ("cost", "dataset", "estimator", "relaxation", "space", "strategy", "supernet")
    )
)

from archwright.testing._cost import CostContract  # noqa: E402
from archwright.testing._dataset import DatasetContract  # noqa: E402
from archwright.testing._estimator import EstimatorContract  # noqa: E402
from archwright.testing._relaxation import RelaxationContract  # noqa: E402
from archwright.testing._space import SpaceContract  # noqa: E402
from archwright.testing._strategy import StrategyContract  # noqa: E402
from archwright.testing._supernet import SupernetContract  # noqa: E402

__all__ = [
    "CostContract",
    "DatasetContract",
    "EstimatorContract",
    "RelaxationContract",
    "SpaceContract",
    "StrategyContract",
    "SupernetContract",
]
