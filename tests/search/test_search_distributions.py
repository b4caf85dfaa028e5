"""Variables as Optuna distributions, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from archwright.errors import UserError
from archwright.search import distributions, space_from_distributions
from archwright.search._distributions import to_param, to_value
from archwright.space import Choice, Ordinal, Real, Space


def test_distributions_by_hand() -> None:
    space = Space(
        [
            Choice("op", ("conv", None)),
            Ordinal("width", (16, 32, 48)),
            Ordinal("kernel", (3, 5, 9)),
            Ordinal("ratio", (0.25, 0.5)),
            Ordinal("fixed", (7,)),
            Real("rate", 1e-3, 1.0, log=True),
        ]
    )
    assert distributions(space) == {
        "op": CategoricalDistribution(("conv", None)),
        "width": IntDistribution(16, 48, step=16),
        "kernel": CategoricalDistribution((3, 5, 9)),
        "ratio": CategoricalDistribution((0.25, 0.5)),
        "fixed": IntDistribution(7, 7),
        "rate": FloatDistribution(1e-3, 1.0, log=True),
    }


def test_every_architecture_is_within_its_distributions(mixed: Space) -> None:
    known = distributions(mixed)
    rng = np.random.default_rng(0)
    for _ in range(50):
        for name, value in mixed.sample(rng).items():
            internal = known[name].to_internal_repr(value)
            assert known[name]._contains(internal)
            assert known[name].to_external_repr(internal) == value


def test_space_from_distributions_by_hand() -> None:
    space = space_from_distributions(
        {
            "c": CategoricalDistribution(("x", 1)),
            "i": IntDistribution(1, 7, step=2),
            "wide": IntDistribution(0, 10**6),
            "log": IntDistribution(1, 64, log=True),
            "f": FloatDistribution(0.0, 1.0),
            "grid": FloatDistribution(0.0, 1.0, step=0.5),
        }
    )
    assert space.variables == (
        Choice("c", ("x", 1)),
        Ordinal("i", (1, 3, 5, 7)),
        Real("wide", 0, 10**6),
        Real("log", 1, 64, log=True),
        Real("f", 0, 1),
        Ordinal("grid", (0.0, 0.5, 1.0)),
    )


@pytest.mark.parametrize(
    "distribution",
    [
        CategoricalDistribution(("x", 1, None)),
        IntDistribution(-3, 9, step=3),
        IntDistribution(0, 10**6),
        IntDistribution(0, 7 * 10**5, step=7),
        IntDistribution(1, 100, log=True),
        FloatDistribution(-10.2, 10.2, step=0.1),
        FloatDistribution(0, 1, step=1e-6),
        FloatDistribution(1e-7, 1, log=True),
    ],
)
@given(seed=st.integers(0, 2**32))
def test_values_of_the_space_are_parameters_and_back(distribution: BaseDistribution, seed: int) -> None:
    space = space_from_distributions({"p": distribution})
    value = space.sample(np.random.default_rng(seed))["p"]
    param = to_param(distribution, value)
    assert distribution._contains(distribution.to_internal_repr(param))
    assert to_value(distribution, param) in [param, value]
    assert space.arch({"p": to_value(distribution, param)})["p"] == to_value(distribution, param)


def test_unknown_distribution() -> None:
    class Strange(BaseDistribution):
        def to_internal_repr(self, param_value_in_external_repr: float) -> float:
            return param_value_in_external_repr

        def to_external_repr(self, param_value_in_internal_repr: float) -> float:
            return param_value_in_internal_repr

        def single(self) -> bool:
            return False

        def _contains(self, param_value_in_internal_repr: float) -> bool:
            return True

    with pytest.raises(UserError, match="parameter 'p' has a Strange; allowed: categorical, int, float"):
        space_from_distributions({"p": Strange()})
