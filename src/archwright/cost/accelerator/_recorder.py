"""The layers of a forward pass as loop nests."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from archwright.cost._counts import unfused_layers
from archwright.cost._mode import example, inference
from archwright.cost.accelerator._layer import Layer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bits:
    """Data types of a network on a chip; see `Layer`."""

    weight: int = 8
    activation: int = 8
    partial: int = 16


def layers(
    module: nn.Module,
    input: Tensor | Sequence[int],  # noqa: A002
    *,
    bits: Bits | None = None,
) -> list[Layer]:
    """Convolutions, matrix products, pooling and additions of tensors, in the order they are computed.

    Normalisation, activation and bias are taken as done on the way out, shuffling of data as free. A product of two
    computed matrices has its right-hand side in the place of the weights.

    Args:
        module: any module that takes one tensor; runs once in eval mode.
        input: the tensor or its shape, batch first.
        bits: of weights, activations and sums.
    """
    given = bits or Bits()
    recorder = _Recorder(given)
    x = example(module, input)
    with inference(module), unfused_layers(), recorder:
        module(x)
    return recorder.found


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps a loop nest for every operation of ATen that has one."""

    def __init__(self, bits: Bits) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Layer] = []
        self._layer = functools.partial(
            Layer,
            weight_bits=bits.weight,
            input_bits=bits.activation,
            output_bits=bits.activation,
            partial_bits=bits.partial,
        )

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        known = _KNOWN.get(func._schema.name.removeprefix("aten::"))
        if known is None:  # in inference mode composite operations such as `linear` come whole
            with self:
                out = func.decompose(*args, **(kwargs or {}))
            return func(*args, **(kwargs or {})) if out is NotImplemented else out
        out = func(*args, **(kwargs or {}))
        self.found += [self._layer(**nest) for nest in known(args, out)]
        return out


Nests = list[dict[str, Any]]


def _convolution(args: tuple[Any, ...], out: Tensor) -> Nests:
    x, weight, _, stride, _, dilation, transposed, _, groups = args[:9]
    kernel = _pair(weight.shape[2:])
    image = _pair((x if transposed else out).shape[2:])  # a transposed one scatters: same steps, over its input
    inputs, outputs = (
        (weight.shape[0] // groups, weight.shape[1]) if transposed else (weight.shape[1], out.shape[1] // groups)
    )
    apart = {} if transposed else {"stride": _pair(stride, 1), "dilation": _pair(dilation, 1)}
    nest = {"B": out.shape[0], "G": groups, "K": outputs, "C": inputs, "name": "convolution", **apart}
    return [nest | {"OY": image[0], "OX": image[1], "FY": kernel[0], "FX": kernel[1]}]


def _pair(sizes: Sequence[int], fill: int = 1) -> tuple[int, int]:
    """Rows and columns; the first axes of volumes count as rows, rows of sequences are 1."""
    given = list(sizes)
    return (math.prod(given[:-1]) if len(given) > 1 else fill, given[-1])


def _product(left: int, args: tuple[Any, ...], out: Tensor) -> Nests:
    a, b = args[left], args[left + 1]
    groups = math.prod(b.shape[:-2])
    return [{"G": groups, "B": a.shape[-2], "C": a.shape[-1], "K": b.shape[-1], "name": "product"}]


def _attention(args: tuple[Any, ...], out: Any) -> Nests:
    query, key, value = args[:3]
    *batch, tokens, width = query.shape
    common = {"G": math.prod(batch), "B": tokens, "name": "attention"}
    return [common | {"C": width, "K": key.shape[-2]}, common | {"C": key.shape[-2], "K": value.shape[-1]}]


def _pool(args: tuple[Any, ...], out: Any) -> Nests:
    y = out[0] if isinstance(out, tuple) else out
    kernel = _pair(args[1] * 2 if len(args[1]) == 1 else args[1])
    given = args[2] if len(args) > 2 and args[2] else args[1]
    stride = _pair(given * 2 if len(given) == 1 else given)
    return [_summed(y) | {"FY": kernel[0], "FX": kernel[1], "stride": stride, "name": "pooling"}]


def _adaptive(args: tuple[Any, ...], out: Any) -> Nests:
    y = out[0] if isinstance(out, tuple) else out
    kernel = tuple(math.ceil(n / m) for n, m in zip(args[0].shape[-2:], y.shape[-2:]))
    return [_summed(y) | {"FY": kernel[0], "FX": kernel[1], "stride": kernel, "name": "pooling"}]


def _mean(args: tuple[Any, ...], out: Tensor) -> Nests:
    if args[0].dim() != 4 or out.numel() != math.prod(args[0].shape[:2]):
        return []
    rows, columns = args[0].shape[-2:]
    return [{"B": out.shape[0], "G": args[0].shape[1], "FY": rows, "FX": columns, "name": "pooling", **_ONLY_ADDS}]


def _addition(args: tuple[Any, ...], out: Tensor) -> Nests:
    a, b = args[:2]
    both = isinstance(a, Tensor) and isinstance(b, Tensor) and a.dim() > 1 and a.shape == b.shape
    return [_summed(out) | {"C": 2, "name": "addition"}] if both else []


_ONLY_ADDS = {"weight_bits": 0, "multiplies": False}


def _summed(out: Tensor) -> dict[str, Any]:
    """Loops over the outputs of an operation without weights."""
    rows, columns = _pair(out.shape[2:]) if out.dim() > 2 else (1, 1)
    return {"B": out.shape[0], "G": out.shape[1], "OY": rows, "OX": columns, **_ONLY_ADDS}


_KNOWN: dict[str, Callable[[tuple[Any, ...], Any], Nests]] = {
    "convolution": _convolution,
    "mm": functools.partial(_product, 0),
    "bmm": functools.partial(_product, 0),
    "addmm": functools.partial(_product, 1),
    "baddbmm": functools.partial(_product, 1),
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "avg_pool2d": _pool,
    "max_pool2d_with_indices": _pool,
    "_adaptive_avg_pool2d": _adaptive,
    "adaptive_max_pool2d": _adaptive,
    "mean": _mean,
    "add": _addition,
    "add_": _addition,
}
