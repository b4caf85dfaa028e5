"""What every `Space` keeps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, get_args

import networkx as nx
import numpy as np
import pytest

from archwright.errors import UserError
from archwright.space import Arch, Finite, Kind, Real, Space


class SpaceContract:
    """Rules of a search space. Provide the fixture `space`.

    Attributes:
        draws: random architectures a rule is tried on.
        functions: `"module:name"` to function, for constraints and graphs outside archwright: see `Space.from_json`.
    """

    draws: ClassVar[int] = 50
    functions: ClassVar[Mapping[str, Callable[..., Any]]] = {}

    @pytest.fixture
    def space(self) -> Space:
        raise NotImplementedError("provide the space in a fixture called `space`")

    @pytest.fixture
    def archs(self, space: Space) -> list[Arch]:
        """Random members."""
        rng = np.random.default_rng(0)
        return [space.sample(rng) for _ in range(self.draws)]

    def test_samples_are_members(self, space: Space, archs: list[Arch]) -> None:
        for arch in archs:
            assert arch in space
            assert space.arch(arch) == arch
            assert tuple(arch) == tuple(name for name in space.names if name in space.active(arch))

    def test_samples_follow_the_generator(self, space: Space) -> None:
        first, again = ([space.sample(rng) for _ in range(5)] for rng in map(np.random.default_rng, (7, 7)))
        assert first == again

    def test_mutation_gives_another_member_one_decision_away(self, space: Space, archs: list[Arch]) -> None:
        rng = np.random.default_rng(1)
        for arch in archs:
            if not any(space[name].count > 1 for name in arch):
                pytest.skip("nothing can change in this space")
            child = space.mutate(arch, rng)
            assert child in space
            assert child != arch
            assert sum(arch[name] != child[name] for name in arch if name in child) == 1

    def test_crossover_gives_members_made_of_both_parents(self, space: Space, archs: list[Arch]) -> None:
        rng = np.random.default_rng(2)
        for a, b in itertools.pairwise(archs):
            child = space.crossover(a, b, rng)
            assert child in space
            for name, value in child.items():
                assert value in [p[name] for p in (a, b) if name in p] or (name not in a and name not in b)

    def test_neighbours_are_different_members_one_decision_away(self, space: Space, archs: list[Arch]) -> None:
        for arch in archs[:5]:
            near = list(space.neighbours(arch))
            assert len(set(near)) == len(near)
            for other in near:
                assert other in space
                assert sum(arch[name] != other[name] for name in arch if name in other) == 1

    @pytest.mark.parametrize("kind", get_args(Kind))
    def test_vectors_have_one_length_and_decode(self, space: Space, archs: list[Arch], kind: Kind) -> None:
        for arch in archs:
            vector = space.encode(arch, kind)
            assert vector.shape == (len(space.feature_names(kind)),)
            assert np.isfinite(vector).all()
            decoded = space.decode(vector, kind)
            np.testing.assert_allclose(space.encode(decoded, kind), vector, rtol=0, atol=1e-9)
            assert {n: v for n, v in decoded.items() if not isinstance(space[n], Real)} == {
                n: v for n, v in arch.items() if not isinstance(space[n], Real)
            }

    def test_one_hot_weights_name_the_chosen_options(self, space: Space, archs: list[Arch]) -> None:
        finite = [v for v in space.variables if isinstance(v, Finite)]
        for arch in archs:
            weights = space.one_hot(arch)
            assert set(weights) == {v.name for v in finite}
            for v in finite:
                chosen = v.options[int(weights[v.name].argmax())]
                assert sorted(weights[v.name].tolist()) == [0.0] * (len(v.options) - 1) + [1.0]
                assert chosen == arch.get(v.name, v.options[0])

    def test_keys_tell_architectures_apart(self, space: Space, archs: list[Arch]) -> None:
        assert len({arch.key for arch in archs}) == len(set(archs))
        for arch in archs:
            assert Arch.from_json(arch.to_json()) == arch
            assert Arch.from_json(arch.to_json()).key == arch.key

    def test_the_canonical_form_is_a_member_and_its_own_canonical_form(self, space: Space, archs: list[Arch]) -> None:
        for arch in archs:
            canonical = space.canonical(arch)
            assert canonical in space
            assert space.canonical(canonical) == canonical

    def test_graphs_are_acyclic_and_labelled(self, space: Space, archs: list[Arch]) -> None:
        for arch in archs:
            graph = space.graph(arch)
            assert isinstance(graph, nx.DiGraph)
            assert nx.is_directed_acyclic_graph(graph)
            assert all("op" in data for _, data in graph.nodes(data=True))

    def test_size_counts_the_members(self, space: Space, archs: list[Arch]) -> None:
        try:
            size = space.size
        except UserError as error:
            pytest.skip(f"cannot be counted: {error}")
        assert size >= len(set(archs))
        assert (size == math.inf) == any(isinstance(v, Real) and v.low < v.high for v in space.variables)

    def test_a_restriction_to_one_architecture_holds_it(self, space: Space, archs: list[Arch]) -> None:
        for arch in archs[:10]:
            small = space.restrict({n: [v] for n, v in arch.items() if isinstance(space[n], Finite)})
            assert arch in small
            assert small.sample(np.random.default_rng(0)) in space

    def test_json_round_trip(self, space: Space, archs: list[Arch]) -> None:
        again = Space.from_json(space.to_json(), self.functions)
        assert again == space
        assert again.sample(np.random.default_rng(3)) == space.sample(np.random.default_rng(3))
