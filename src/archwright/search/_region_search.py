"""Where the acquisition function is large inside a trust region."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, final

import numpy as np
import scipy.optimize
import torch
from numpy.typing import NDArray
from torch import Tensor

from archwright.search._gaussian_process import GaussianProcess
from archwright.search.acquisition._log_improvement import log_improvement
from archwright.search.kernels._mixed import Mixed
from archwright.space import Arch, Real, Space

_PROPOSALS = 200  # changes of a choice that are tried from one start
_BLOCK = 4  # of them scored together, twice as many after each block without a better one
_DRAWS = 64
_ASCENT = 15  # steps of L-BFGS between changes of choices
_MISSING = object()

Floats = NDArray[np.float64]


@final
class RegionSearch:
    """Ascent of the expected improvement from several starts inside a trust region.

    Choices change one at a time by random proposals that are taken if they are better. In a mixed space that alternates
    with gradient steps on the `Real` positions, choices frozen.

    Args:
        space: where to look.
        kernel: of the process; its last columns are the positions of the `Real` variables.
        process: of the transformed loss.
        centre: of the region.
        hamming: most choices that may differ from the centre.
        box: (reals, 2) lowest and highest position of each `Real`.
        taken: what must not be proposed again.
    """

    def __init__(
        self,
        space: Space,
        kernel: Mixed,
        process: GaussianProcess,
        centre: Arch,
        hamming: int,
        box: Floats,
        taken: Container[Arch],
    ) -> None:
        self.space = space
        self.kernel = kernel
        self.process = process
        self.centre = centre
        self.hamming = hamming
        self.box = box
        self.taken = taken
        self.reals = reals_of(space)
        self._choices = [v.name for v in space.variables if not isinstance(v, Real) and v.count > 1]
        self._middle = kernel.features([centre])
        self._best = float(process.predict(self._middle)[0])

    def best(self, starts: int, rounds: int, rng: np.random.Generator) -> Arch | None:
        """The architecture with the largest score that was found and is not taken; None if there is none."""
        found: dict[Arch, float] = {}
        tries = _PROPOSALS // (rounds + 1) if self.reals else _PROPOSALS
        archs = [self._start(rng) for _ in range(starts)]
        if self._choices:
            archs = self._climb(archs, tries, found, rng)
        for _ in range(rounds if self.reals else 0):
            archs = self._ascend(archs)
            self._note([arch for arch in archs if self.inside(arch)], found)
            if self._choices:
                archs = self._climb(archs, tries, found, rng)
        fresh = [arch for arch in found if arch not in self.taken]
        return max(fresh, key=found.__getitem__, default=None)

    def inside(self, arch: Arch) -> bool:
        """Whether `arch` is of the space and of the region."""
        positions = [(v.position(arch[v.name]), *ends) for v, ends in zip(self.reals, self.box) if v.name in arch]
        near = all(low - 1e-9 <= at <= high + 1e-9 for at, low, high in positions)
        return near and distance(self.space, arch, self.centre) <= self.hamming and arch in self.space

    def _start(self, rng: np.random.Generator) -> Arch:
        """The centre; in a mixed space a random member of the region."""
        return random_inside(self.space, self.centre, self.hamming, self.box, rng) if self.reals else self.centre

    def _climb(
        self, archs: Sequence[Arch], tries: int, found: dict[Arch, float], rng: np.random.Generator
    ) -> list[Arch]:
        """From each of `archs`, better architectures one change of a choice away, one after the other.

        Changes are proposed at random and scored in blocks, of which the first better one is taken; those behind it do
        not count.
        """
        archs, left = list(archs), np.full(len(archs), tries)
        blocks = np.full(len(archs), _BLOCK)
        worth = np.array([-np.inf if a in self.taken else self._note([a], found)[0] for a in archs])
        while (left > 0).any():
            proposed = {i: [self._changed(archs[i], rng) for _ in range(blocks[i])] for i in np.flatnonzero(left > 0)}
            self._note([a for block in proposed.values() for a in block], found)
            for i, block in proposed.items():
                first = next((n for n, a in enumerate(block) if found[a] > worth[i]), None)
                if first is None:
                    left[i] -= len(block)
                    blocks[i] *= 2
                else:
                    archs[i], worth[i] = block[first], found[block[first]]
                    left[i] -= first + 1
                    blocks[i] = _BLOCK
        return archs

    def _changed(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """`arch` with one choice changed."""
        for _ in range(_DRAWS):
            child = self.space.mutate(arch, rng)
            if all(child.get(v.name) == arch.get(v.name) for v in self.reals if v.name in arch):
                return child
        return arch

    def _note(self, archs: Sequence[Arch], found: dict[Arch, float]) -> Floats:
        """Scores of `archs`, minus infinity for those that are taken, outside the region or not of the space."""
        fresh = [arch for arch in dict.fromkeys(archs) if arch not in found]
        if fresh:
            with torch.no_grad():
                rows = self.kernel.features(fresh)
                scores = self._score(rows).numpy()
            apart = self.kernel.differences(rows, self._middle)
            refused = [a in self.taken or (bool(self.space.where) and a not in self.space) for a in fresh]
            scores[(apart > self.hamming) | np.array(refused)] = -np.inf
            found.update(zip(fresh, scores.tolist(), strict=True))
        return np.array([found[arch] for arch in archs])

    def _ascend(self, archs: Sequence[Arch]) -> list[Arch]:
        """`archs` with their `Real` variables moved uphill inside the box."""
        rows = self.kernel.features(archs)
        fixed, reals = rows[:, : -len(self.reals)], len(self.reals)

        def downhill(x: Floats) -> tuple[float, Floats]:
            at = torch.from_numpy(x.reshape(-1, reals)).requires_grad_()
            value = -self._score(torch.cat([fixed, at], 1)).sum()
            (slope,) = torch.autograd.grad(value, at)
            return float(value.detach()), slope.numpy().reshape(-1)

        bounds = np.tile(self.box, (len(archs), 1))
        moved = scipy.optimize.minimize(
            downhill,
            np.clip(rows[:, -reals:].numpy().reshape(-1), *bounds.T),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": _ASCENT},
        ).x.reshape(-1, reals)
        return [_placed(arch, self.reals, x) for arch, x in zip(archs, moved, strict=True)]

    def _score(self, rows: Tensor) -> Tensor:
        """Log of the augmented expected improvement over the mean at the centre (Huang et al. 2006)."""
        mean, deviation = self.process.moments(rows)
        noise = self.process.noise
        penalty = 1 - (noise / (noise + deviation.square())).sqrt()
        return log_improvement(mean, deviation, self._best) + penalty.clamp_min(1e-12).log()


def reals_of(space: Space) -> tuple[Real, ...]:
    """The `Real` variables, as `Layout` orders their positions."""
    return tuple(v for v in space.variables if isinstance(v, Real) and (v.count > 1 or v.name in space.when))


def distance(space: Space, a: Arch, b: Arch) -> int:
    """Number of variables with options that differ; a variable that only one of them has differs."""
    names = (v.name for v in space.variables if not isinstance(v, Real))
    return sum(a.get(name, _MISSING) != b.get(name, _MISSING) for name in names)


def random_inside(space: Space, centre: Arch, hamming: int, box: Floats, rng: np.random.Generator) -> Arch:
    """`centre` with up to `hamming` choices drawn anew and the `Real` positions uniform in the box; the centre if no
    draw is of the space and that near."""
    reals = reals_of(space)
    choices = [name for name in centre if not isinstance(space[name], Real)]
    for _ in range(32):
        drawn, values = space.sample(rng), dict(centre)
        for i in rng.permutation(len(choices))[: min(hamming, len(choices))]:
            values[choices[i]] = drawn.get(choices[i], values[choices[i]])
        arch = settled(space, values, rng)
        arch = _placed(arch, reals, box[:, 0] + rng.random(len(reals)) * (box[:, 1] - box[:, 0]))
        if arch in space and distance(space, arch, centre) <= hamming:
            return arch
    return centre


def settled(space: Space, values: dict[str, Any], rng: np.random.Generator) -> Arch:
    """`values` with what is now active and missing drawn at random, the inactive left out."""
    known: dict[str, Any] = {**{v.name: v.at(rng.random()) for v in space.variables}, **values}
    return Arch({name: known[name] for name in space.active(known)})


def _placed(arch: Arch, reals: Sequence[Real], positions: Floats) -> Arch:
    placed = {v.name: v.at(float(u)) for v, u in zip(reals, positions, strict=True) if v.name in arch}
    return arch.replace(placed) if placed else arch
