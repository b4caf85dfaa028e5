import pytest

from archwright.errors import UserError
from archwright.recipes import quantity


@pytest.mark.parametrize(
    ("text", "metric", "value"),
    [
        ("150k", "params", 150e3), ("1.5M", "params", 1.5e6), ("2g", "flops", 2e9), ("3B", "flops", 3e9),
        ("40_000", "params", 4e4),
        ("1e5", "params", 1e5), (150, "params", 150.0), ("4MB", "size", 4e6), ("512KiB", "size", 512 * 1024.0),
        ("4M", "size", 4e6),
        ("10 MiB", "memory", 10 * 2.0**20), ("100B", "size", 100.0), ("15", "latency_ms", 15.0),
        ("15ms", "latency_ms", 15.0),
        ("0.2s", "latency_ms", 200.0), ("500us", "latency_ms", 0.5), ("2ms", "latency_ms:eyeriss", 2.0),
    ],
)  # fmt: skip
def test_amounts(text, metric, value):
    assert quantity(text, metric) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "metric"),
    [("4MB", "params"), ("15ms", "size"), ("k", "params"), ("-1", "params"), ("0", "size"), ("nan", "flops"),
     ("1..2", "flops"),
     ("", "params"), (True, "params"), (None, "params"), ("4k", "latency_ms"), (float("inf"), "params")],
)  # fmt: skip
def test_refused_with_the_value(text, metric):
    with pytest.raises(UserError, match=f"a limit of {metric} is a number above 0 like .*, got"):
        quantity(text, metric)
