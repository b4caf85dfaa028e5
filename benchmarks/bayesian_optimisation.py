"""One proposal with 200 observations: our Bayesian optimisers against BoTorch's own mixed loop on the same data.

Theirs: `MixedSingleTaskGP` fitted by marginal likelihood, then `optimize_acqf_discrete_local_search` of log expected
improvement in a space of choices (`optimize_acqf_mixed` without numbers would be a list of all of them);
`optimize_acqf_mixed` over the numbers with the choices of the five best fixed in a mixed space.
Ours: a new strategy that is told the trials, so that the fit is inside the time. Median seconds in turn, one thread.
`python benchmarks/bayesian_optimisation.py [rounds]`; writes `benchmarks/results/bayesian_optimisation.json`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import numpy as np
import torch
from _measuring import in_turn, write

from archwright.search import build
from archwright.space import Arch, Choice, Real, Space
from archwright.trial import Trial

OBSERVATIONS = 200
LIMIT = 2.0
CELL = Space([Choice(f"edge{i}", (0, 1, 2, 3, 4)) for i in range(6)], name="6 choices of 5")
MIXED = Space(
    [*(Choice(f"h{i}", (0, 1, 2)) for i in range(6)), Real("x", 0.0, 1.0), Real("y", 0.0, 1.0)],
    name="6 choices of 3, 2 numbers",
)
PAIRS = [("gp", CELL), ("tw-nas", CELL), ("casmopolitan", CELL), ("gp", MIXED), ("casmopolitan", MIXED)]


def loss(arch: Arch) -> float:
    """A bowl with a pair that interacts."""
    values = np.array([float(v) for v in arch.values()])
    return float(((values - 0.7) ** 2).sum() + np.sin(3 * values[0]) * values[1])


def trials(space: Space) -> list[Trial]:
    """Random architectures, evaluated."""
    rng = np.random.default_rng(0)
    drawn = dict.fromkeys(space.sample(rng) for _ in range(2 * OBSERVATIONS))
    return [Trial(number=n, arch=a, metrics={"loss": loss(a)}) for n, a in enumerate(list(drawn)[:OBSERVATIONS])]


def ours(name: str, space: Space, told: list[Trial]) -> Callable[[], object]:
    """A proposal of a new instance."""

    def propose() -> object:
        strategy = build(name, space, objectives=["loss"])
        for trial in told:
            strategy.tell(trial)
        return strategy.ask()

    return propose


def theirs(space: Space, told: list[Trial]) -> Callable[[], object]:
    """Fit and optimisation by BoTorch."""
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import MixedSingleTaskGP
    from botorch.optim import optimize_acqf_discrete_local_search, optimize_acqf_mixed
    from gpytorch.mlls import ExactMarginalLogLikelihood

    categories = [i for i, v in enumerate(space.variables) if isinstance(v, Choice)]
    options = [torch.tensor([float(o) for o in space[f].options]).double() for f in space.names[: len(categories)]]
    x = torch.tensor([[float(v) for v in t.arch.values()] for t in told]).double()
    y = -torch.tensor([[t.metrics["loss"]] for t in told]).double()

    def propose() -> object:
        model = MixedSingleTaskGP(x, y, cat_dims=categories)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        acquisition = LogExpectedImprovement(model, best_f=y.max())
        if len(categories) == len(space.variables):
            return optimize_acqf_discrete_local_search(
                acquisition, q=1, discrete_choices=options, num_restarts=5, raw_samples=256, X_avoid=x
            )
        low_high = torch.tensor([[0.0, max(float(o) for o in space[n].options) if n.startswith("h") else 1.0]
                                 for n in space.names]).double().T  # fmt: skip
        best = x[y[:, 0].argsort(descending=True)[:5]]
        fixed = [{i: float(row[i]) for i in categories} for row in best]
        return optimize_acqf_mixed(
            acquisition, low_high, q=1, num_restarts=5, raw_samples=64, fixed_features_list=fixed
        )

    return propose


def main(rounds: int = 5) -> int:
    """Time, print, write the record; 1 if one of ours takes more than twice as long as BoTorch."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    record, slow = {}, False
    for name, space in PAIRS:
        told = trials(space)
        found = in_turn(ours(name, space, told), theirs(space, told), rounds)
        record[f"{name}: {space.name}"] = {key: round(value, 3) for key, value in found.items()}
        slow |= found["ratio"] >= LIMIT
        print(name, space.name, record[f"{name}: {space.name}"], flush=True)
    write("bayesian_optimisation", {"observations": OBSERVATIONS, "rounds": rounds, "asks": record})
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
