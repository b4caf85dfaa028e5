import pytest
import torch
from torch import nn

from archwright.errors import UserError
from archwright.train import _device
from archwright.train._device import autocast, memory_format, resolve_device, resolve_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def _plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2))


def test_auto_device_is_available() -> None:
    assert resolve_device("auto").type in _device.available_devices()
    assert resolve_device("cpu") == CPU


@pytest.mark.parametrize("name", ["tpu9", "xpu", "hip"])
def test_unknown_device_is_named_with_what_is_allowed(name: str) -> None:
    with pytest.raises(UserError, match=rf"'{name}' is not available here. Allowed: auto, .*cpu"):
        resolve_device(name)


def test_explicit_precision_is_kept() -> None:
    assert resolve_precision("32", CPU, _plain()) == "32"
    assert resolve_precision("bf16", CPU, nn.Linear(1, 1)) == "bf16"
    assert resolve_precision("16", CUDA, _plain()) == "16"


def test_float16_needs_cuda() -> None:
    with pytest.raises(UserError, match="precision '16' needs a CUDA device, got 'cpu'"):
        resolve_precision("16", CPU, _plain())


def test_auto_on_a_cpu_with_bf16_follows_the_kinds_of_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    class Elastic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(4, 4, 3, 3))

    monkeypatch.setattr(_device, "_bf16_instructions", lambda: True)
    assert resolve_precision("auto", CPU, _plain()) == "bf16"
    assert resolve_precision("auto", CPU, nn.Sequential(_plain(), nn.Conv2d(8, 8, 3, groups=8))) == "32"
    assert resolve_precision("auto", CPU, nn.Sequential(_plain(), Elastic())) == "32"
    assert resolve_precision("auto", CPU, nn.Linear(512, 512)) == "32"
    monkeypatch.setattr(_device, "_bf16_instructions", lambda: False)
    assert resolve_precision("auto", CPU, _plain()) == "32"


def test_weights_cast_without_gradient_are_not_reused_with_one() -> None:
    """With the cache of older torch versions the second pass would use the first one's cast, which has no gradient."""
    net = nn.Linear(4, 4)
    with autocast(CPU, "bf16"):
        assert not torch.is_autocast_cache_enabled()
        with torch.no_grad():
            net(torch.ones(1, 4))
        out = net(torch.ones(1, 4))
    assert out.dtype == torch.bfloat16
    out.float().sum().backward()
    assert net.weight.grad is not None


def test_float32_needs_no_autocast() -> None:
    with autocast(CPU, "32"):
        assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize(
    ("flag", "dimensions", "expected"),
    [("auto", 4, torch.channels_last), (True, 4, torch.channels_last), (False, 4, torch.contiguous_format)]
    + [(flag, 2, torch.contiguous_format) for flag in ("auto", True, False)],
)
def test_memory_format(flag: bool | str, dimensions: int, expected: torch.memory_format) -> None:
    assert memory_format(flag, dimensions) is expected
