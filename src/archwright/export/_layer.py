"""A `torch.nn` layer as the text of its constructor call, derived from the signature and same-named attributes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from archwright.errors import UserError

# arguments that the layer does not keep under the name of the argument
_DERIVED: dict[str, Any] = {
    "bias": lambda layer: _has_bias(layer),
    "add_bias_kv": lambda layer: layer.bias_k is not None,
    "device": lambda layer: None,
    "dtype": lambda layer: next((p.dtype for p in layer.parameters() if p.dtype != torch.float32), None),
}
_NOT_UNIFORM = {"normalized_shape", "unflattened_size", "output_size"}  # (4, 4) does not mean 4 here
_SHORT = {"batch_norm": "bn", "layer_norm": "norm", "group_norm": "norm", "multihead_attention": "attention"}


def kind(layer: nn.Module) -> str:
    """Short name of the type for attribute names: `conv`, `bn`, `relu`, `adaptive_avg_pool`."""
    name = re.sub(r"\dd$", "", type(layer).__name__)
    name = re.sub(r"(Re|Si)LU", r"\1lu", name)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return _SHORT.get(name.lower(), name.lower())


def stateless(layer: nn.Module) -> bool:
    """Nothing to store: two such layers with equal constructors are interchangeable."""
    return not any(True for _ in layer.parameters()) and not any(True for _ in layer.buffers())


def constructor(layer: nn.Module) -> str:
    """`nn.Conv2d(3, 16, 3, padding=1, bias=False)`: required arguments in place, others by name where not default.

    Raises:
        UserError: not a layer of `torch.nn`, or one whose constructor arguments cannot be read back from it.
    """
    cls = type(layer)
    if getattr(nn, cls.__name__, None) is not cls:
        raise UserError(
            f"layer {cls.__module__}.{cls.__qualname__} is not torch.nn's own and cannot be written as code"
        )
    arguments = dict(_arguments(layer))
    texts = [
        literal(value) if required else f"{name}={literal(value)}" for name, (value, required) in arguments.items()
    ]
    _check(layer, {name: value for name, (value, _) in arguments.items()})
    return f"nn.{cls.__name__}({', '.join(texts)})"


def literal(value: Any) -> str:
    """Python text of a constant that appears in a constructor or in a traced graph."""
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(k)}: {literal(v)}' for k, v in value.items())}}}"
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return f'float("{value}")'
    if isinstance(value, str):
        return '"' + repr(value)[1:-1].replace('"', '\\"') + '"' if "'" not in value else repr(value)
    if isinstance(value, slice):
        return f"slice({literal(value.start)}, {literal(value.stop)}, {literal(value.step)})"
    if isinstance(value, torch.device):
        return f'torch.device("{value}")'
    if value is Ellipsis:
        return "..."
    if value is None or isinstance(value, int | float | complex | torch.dtype | torch.memory_format | torch.layout):
        return repr(value)
    raise UserError(f"a constant of type {type(value).__name__} cannot be written as code: {value!r}")


def _arguments(layer: nn.Module) -> Iterator[tuple[str, tuple[Any, bool]]]:
    """Argument name to (value, required), optional ones only where they differ from the default."""
    for parameter in _signature(type(layer)):
        name, required = parameter.name, parameter.default is inspect.Parameter.empty
        try:
            value = _simple(name, _DERIVED[name](layer) if name in _DERIVED else getattr(layer, name))
        except AttributeError:
            if not required:
                continue  # `_check` finds out whether it mattered
            raise UserError(
                f"nn.{type(layer).__name__} does not keep its constructor argument {name!r}, so it cannot be written "
                "as code; build the network from simpler layers"
            ) from None
        if required or not _is_default(layer, name, value, parameter.default):
            yield name, (value, required)


def _signature(cls: type[nn.Module]) -> list[inspect.Parameter]:
    """Explicit arguments of the first constructor that has them (recurrent layers forward `*args`)."""
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = [p for p in inspect.signature(vars(base)["__init__"]).parameters.values() if p.name != "self"]
        if base is nn.Module or not any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
            keep = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
            return [p for p in keep if not p.name.startswith("_") and not (p.name == "mode" and base is nn.RNNBase)]
    return []


def _has_bias(layer: nn.Module) -> bool:
    bias: object = layer.in_proj_bias if isinstance(layer, nn.MultiheadAttention) else layer.bias
    return bias if isinstance(bias, bool) else bias is not None


def _simple(name: str, value: Any) -> Any:
    """`3` for `(3, 3)`: how a person writes it."""
    if not isinstance(value, tuple | list) or not value or not all(isinstance(v, int) for v in value):
        return value
    uniform = name not in _NOT_UNIFORM and all(v == value[0] for v in value)
    return value[0] if uniform or (name == "normalized_shape" and len(value) == 1) else tuple(value)


def _is_default(layer: nn.Module, name: str, value: Any, default: Any) -> bool:
    if name == "bias" and getattr(layer, "affine", True) is False:
        return True  # no weight, no bias
    if name == "stride" and default is None:  # pooling: the stride is the kernel unless given
        return value == _simple("kernel_size", getattr(layer, "kernel_size"))  # noqa: B009
    if name in ("kdim", "vdim") and default is None:
        return value == getattr(layer, "embed_dim")  # noqa: B009
    return value is default or (type(value) is type(default) and value == default)


def _check(layer: nn.Module, arguments: dict[str, Any]) -> None:
    """The constructor gives back a layer that prints the same and stores the same shapes."""
    try:
        with torch.device("meta"):
            again = type(layer)(**arguments)
        same = repr(again) == repr(layer) and _shapes(again) == _shapes(layer)
    except (TypeError, ValueError, RuntimeError):
        same = False
    if not same:
        raise UserError(
            f"nn.{type(layer).__name__} cannot be rebuilt from its attributes; remove hooks and parametrizations "
            "(torch.nn.utils.parametrize.remove_parametrizations, torch.nn.utils.prune.remove) before export"
        )


def _shapes(layer: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in layer.state_dict().items()}
