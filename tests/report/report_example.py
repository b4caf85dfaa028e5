"""A run told by hand, and a parser that knows what a whole page is."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from archwright.space import Arch
from archwright.trial import Trial

_VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a browser would see: tags in order, attributes, text outside of style; fails where tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def trial(number: int, accuracy: float = 90.0, params: float = 1000.0, **more: Any) -> Trial:
    metrics = more.pop("metrics", {"accuracy": accuracy, "params": params, "flops": 10 * params})
    arch = more.pop("arch", Arch({"stem.width": number, "stem.kernel": 3}))
    return Trial(number=number, arch=arch, metrics=metrics, seconds=2.0, source="shared-weights", **more)


TRIALS = (
    trial(0, 80.0, 500),
    trial(1, 90.0, 900),
    trial(2, 85.0, 950),
    trial(3, state="refused", metrics={"params": 4000.0}, error="params 4000 > 1000"),
    trial(4, state="failed", metrics={}, error="Traceback:\n  line\nValueError: no such shape"),
)

RESULT: dict[str, Any] = {
    "objectives": ["accuracy", "params"],
    "limits": {"params": 1000},
    "architecture": dict(TRIALS[1].arch),
    "valid": {"accuracy": 91.0},
    "test": {"accuracy": 75.0},
    "params": 900,
    "flops": 9000,
    "latency_ms": 0.5,
    "latency": {"p10_ms": 0.4, "p90_ms": 0.6, "repeats": 50, "device": "a processor", "runtime": "onnxruntime"},
    "size": 4200,
    "agreement": {"onnx": {"max_abs": 1e-6, "argmax_agreement": 1.0, "samples": 256}},
    "supernet": {"epochs": 2, "curve": [{"train_loss": 2.0, "seconds": 3.0}, {"train_loss": 1.0, "accuracy": 60.0}]},
    "training": {"epochs": 2, "curve": [{"train_loss": 1.0}, {"train_loss": 0.5, "accuracy": 91.0}]},
    "seconds": 100.0,
    "seconds_by_phase": {"prepare": 10.0, "1 search": 90.0},
    "seed": 7,
    "data": {
        "name": "birds",
        "classes": ["ant", "bee"],
        "sizes": {"train": 80, "valid": 20, "test": 8},
        "fingerprint": "f" * 64,
    },
    "space": {"name": "toy", "size": 12},
    "versions": {"torch": "2.14.1"},
}
