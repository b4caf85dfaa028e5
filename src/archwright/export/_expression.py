"""One node of a traced graph as a Python expression."""

from __future__ import annotations

import builtins
import inspect
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from archwright.errors import UserError
from archwright.export._layer import literal

Text = Callable[[fx.Node], str]

_INFIX: dict[Any, str] = {
    operator.add: "+", torch.add: "+",
    operator.sub: "-", torch.sub: "-",
    operator.mul: "*", torch.mul: "*",
    operator.truediv: "/", torch.div: "/",
    operator.floordiv: "//", operator.mod: "%", operator.pow: "**", operator.matmul: "@", torch.matmul: "@",
    operator.eq: "==", operator.ne: "!=", operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=",
    operator.and_: "&", operator.or_: "|",
}  # fmt: skip
_PRECEDENCE = {"*": 2, "/": 2, "//": 2, "%": 2, "@": 2, "+": 1, "-": 1, "**": 4}  # the rest binds less: 0


def expression(node: fx.Node, text: Text) -> str:
    """Python text of what `node` computes; `text` gives the expression or the variable of another node.

    Raises:
        UserError: a function that is not part of torch.
    """
    if node.op == "get_attr":
        return f"self.{node.target}"
    if node.op == "call_module":
        return f"self.{node.target}({_arguments(node, node.args, text)})"
    if node.op == "call_method":
        owner = value(node.args[0], text, binding=9)
        return f"{owner}.{node.target}({_arguments(node, node.args[1:], text)})"
    return _function(node, text)


def is_infix(node: fx.Node) -> bool:
    """Written with an operator sign, so in need of parentheses inside another expression."""
    if node.op != "call_function":
        return False
    return node.target is operator.neg or (node.target in _INFIX and len(node.args) == 2 and not node.kwargs)


def _binding(node: fx.Node) -> int:
    """How strongly the operator of an infix node binds."""
    return 3 if node.target is operator.neg else _PRECEDENCE.get(_INFIX[node.target], 0)


def _function(node: fx.Node, text: Text) -> str:
    if node.target is operator.neg:
        return f"-{value(node.args[0], text, binding=4)}"
    if is_infix(node):
        strength = _binding(node)
        left = value(node.args[0], text, binding=strength + (strength in (0, 4)))
        return f"{left} {_INFIX[node.target]} {value(node.args[1], text, binding=strength + 1)}"
    operands = [value(a, text, binding=9) for a in node.args]
    if node.target is builtins.getattr:
        return f"{operands[0]}.{node.args[1]}"
    if node.target is operator.getitem:
        return f"{operands[0]}[{_index(node.args[1], text)}]"
    return f"{_qualified(node.target)}({_arguments(node, node.args, text)})"


def _arguments(node: fx.Node, args: tuple[Any, ...], text: Text) -> str:
    parts = [value(a, text) for a in args]
    for key, argument in node.kwargs.items():
        if key == "training" and argument is False:
            parts.append("training=self.training")
        elif not _is_default(node.target, key, argument):
            parts.append(f"{key}={value(argument, text)}")
    return ", ".join(parts)


def _is_default(function: Any, key: str, argument: Any) -> bool:
    """Tracing records `inplace=False` for `F.relu(x)`."""
    if not inspect.isfunction(function):
        return False
    parameter = inspect.signature(function).parameters.get(key)
    return parameter is not None and type(parameter.default) is type(argument) and parameter.default == argument


def value(argument: Any, text: Text, *, binding: int = -1) -> str:
    """Text of an argument of a node: another node, a constant, or a container of these.

    Operators that bind less than `binding` are put in parentheses, and so are negative numbers beside an operator.
    """
    if isinstance(argument, fx.Node):
        inner = text(argument)
        loose = is_infix(argument) and not inner.isidentifier() and _binding(argument) < binding
        return f"({inner})" if loose else inner
    if isinstance(argument, int | float) and not isinstance(argument, bool) and argument < 0 <= binding:
        return f"({literal(argument)})"
    if isinstance(argument, tuple | list):
        inside = ", ".join(value(a, text) for a in argument)
        if isinstance(argument, list):
            return f"[{inside}]"
        return f"({inside}{',' if len(argument) == 1 else ''})"
    if isinstance(argument, dict):
        return "{" + ", ".join(f"{literal(k)}: {value(v, text)}" for k, v in argument.items()) + "}"
    if isinstance(argument, slice):
        return f"slice({', '.join(value(a, text) for a in (argument.start, argument.stop, argument.step))})"
    return literal(argument)


def _index(index: Any, text: Text) -> str:
    """`0, :, 1:` rather than `(0, slice(None, None, None), slice(1, None, None))`."""
    if isinstance(index, tuple) and index:
        return ", ".join(_index(i, text) for i in index) + ("," if len(index) == 1 else "")
    if isinstance(index, slice):
        start, stop, step = ("" if a is None else value(a, text) for a in (index.start, index.stop, index.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")
    return value(index, text)


def _qualified(function: Any) -> str:
    """`F.relu`, `torch.cat`, `torch.ops.aten.add.Tensor`, `len`."""
    name = getattr(function, "__name__", "")
    for prefix, namespace in (("F", nn.functional), ("torch", torch), ("torch.linalg", torch.linalg), ("", builtins)):
        if getattr(namespace, name, None) is function:
            return f"{prefix}.{name}".lstrip(".")
    if isinstance(function, torch._ops.OpOverload | torch._ops.OpOverloadPacket):
        return f"torch.ops.{function}"
    raise UserError(
        f"function {getattr(function, '__module__', None) or ''}.{name or function!r} is not part of torch "
        "and cannot be written as plain code"
    )
