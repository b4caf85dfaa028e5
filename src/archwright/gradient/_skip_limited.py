"""At most so many skip connections: P-DARTS."""

from __future__ import annotations

import dataclasses
from typing import final

from archwright.errors import UserError
from archwright.gradient._derivation import Derivation, Session, answer, assembled, ranked
from archwright.gradient._diagnostics import skips
from archwright.gradient._relaxed import Relaxed, options_of
from archwright.space import Arch


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class SkipLimited(Derivation):
    """By magnitude, but while more than `most` edges that stay are skip connections, the least likely of them takes its
    next best option and the inputs are chosen anew (Chen, Xie, Wu, Tian 2019, P-DARTS, section 3.3.2).

    Args:
        most: skip connections allowed, at least 0.
        prefix: of the variables that count; `"normal"` counts the normal cell of the DARTS space only.

    Raises:
        UserError: a negative number.
    """

    most: int = 2
    prefix: str = ""

    def __post_init__(self) -> None:
        if self.most < 0:
            raise UserError(f"most must be at least 0, got {self.most}")

    def __call__(self, relaxed: Relaxed, session: Session) -> Arch:
        known, scores = skips(relaxed.net), ranked(relaxed)
        while True:
            chosen = self._kept(relaxed, assembled(relaxed, scores))
            skipping = [name for name, option in chosen.items() if option in known.get(name, ())]
            if len(skipping) <= self.most:
                return answer(relaxed, session, scores)
            weakest = min(skipping, key=lambda name: scores[name][chosen[name]])
            left = {o: p for o, p in scores[weakest].items() if o not in known[weakest]}
            if not left:
                raise UserError(
                    f"{weakest!r} has only skip connections left, so at most {self.most} cannot be kept; "
                    "allow more or shrink the space less"
                )
            scores[weakest] = left

    def _kept(self, relaxed: Relaxed, values: dict[str, object]) -> dict[str, object]:
        """The operations on edges that stay."""
        cut = set()
        for name in relaxed.open:
            stay = relaxed.wiring.kept[name][options_of(relaxed.net.space, name).index(values[name])]
            cut |= {edge for option in relaxed.wiring.kept[name] for edge in option} - set(stay)
        wanted = relaxed.wiring.edges or set(relaxed.names)
        return {n: v for n, v in values.items() if n in wanted and n not in cut and n.startswith(self.prefix)}
