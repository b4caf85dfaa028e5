"""Phase `compress`."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from archwright.errors import UserError
from archwright.run._compress_settings import Prune, Quantize
from archwright.run._compression import Compressor, Member
from archwright.run._phase import Phase
from archwright.run._state import State

_FOLDER, _FACTS = "compressed", "facts.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compress(Phase):
    """Prune the answer, quantise it, or both in this order; every step is a member beside the answer, with files of its
    own in `compressed/`. The answer itself stays as it is. The phase may stand in a recipe more than once.

    Args:
        prune: how it is pruned; null: not.
        quantize: how it is quantised; null: not.
    """

    prune: Prune | None = None
    quantize: Quantize | None = None

    def __post_init__(self) -> None:
        if self.prune is None and self.quantize is None:
            raise UserError("compress needs prune, quantize or both, such as {quantize: {bits: 8}}")
        if self.quantize is not None:
            self.quantize.check_reachable()

    def __call__(self, state: State) -> None:
        assert state.model is not None
        network = nn.Sequential(state.splits.normalizer(), state.model.cpu()).eval()
        compressor = Compressor(
            splits=state.splits.raw().to("cpu"),
            folder=state.folder / _FOLDER,
            seed=state.config.seed,
            tell=lambda what, done, total: state.progress.step(done, total, what),
        )
        members = state.result.setdefault("compressed", [])
        if not members:
            members.append(_kept(state, "dense", lambda: compressor.dense(network).facts))
        member = Member(network=network, facts=members[0])
        if self.prune is not None:
            member = self._pruned(state, compressor, member, self.prune)
        if self.quantize is not None:
            settings, before = self.quantize, member
            name = _free(members, compressor.name(before, settings))
            members.append(_kept(state, name, lambda: compressor.quantised(before, settings, name=name).facts))
        shown = [(m["name"], m.get("test_accuracy"), m["size"], m["latency_ms"]) for m in members]
        state.progress.table("compressed", ("network", "test accuracy", "bytes", "ms"), shown)

    def _pruned(self, state: State, compressor: Compressor, member: Member, settings: Prune) -> Member:
        """The pruned network; made again after an interruption only where it is quantised next."""
        made: list[Member] = []
        members = state.result["compressed"]
        name = _free(members, settings.name)

        def facts() -> dict[str, Any]:
            made.append(compressor.pruned(member, settings, name=name))
            return dict(made[0].facts)

        members.append(_kept(state, name, facts))
        if not made and self.quantize is not None:
            facts()
        return made[0] if made else member


def _free(members: Sequence[Mapping[str, Any]], name: str) -> str:
    """`name`, or with a number behind it where an earlier step of the recipe has taken it."""
    taken = {member["name"] for member in members}
    numbered = (f"{name}-{n}" for n in itertools.count(2))
    return next(word for word in itertools.chain([name], numbered) if word not in taken)


def _kept(state: State, name: str, make: Callable[[], Any]) -> dict[str, Any]:
    """The facts of a member, of an earlier call in this folder if there was one."""
    place = str(Path(_FOLDER) / name / _FACTS)
    found = state.folder.read_json(place)
    if not found:
        found = dict(make())
        (state.folder / place).parent.mkdir(parents=True, exist_ok=True)
        state.folder.write_json(place, found)
    return dict(found)
