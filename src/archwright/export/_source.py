"""A network as the text of a Python file that needs torch and safetensors and nothing else."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

from archwright.cost import params
from archwright.errors import UserError
from archwright.export._flatten import flatten
from archwright.export._forward import forward
from archwright.export._layer import constructor, literal

_LOAD = '''

def load(folder: str | Path = Path(__file__).parent) -> {name}:
    """The network with the weights of `model.safetensors` in `folder`, in eval mode."""
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError("reading model.safetensors needs: pip install safetensors") from error
    network = {name}()
    network.load_state_dict(load_file(Path(folder) / "model.safetensors"))
    return network.eval()
'''

_MAIN = """

if __name__ == "__main__":
    network = load()
    example = torch.zeros({shape}{dtype})
    with torch.inference_mode():
        print(network(example))
"""


def source(
    module: nn.Module,
    class_name: str = "Network",
    *,
    doc: str = "",
    input_shape: Sequence[int] = (),
    input_dtype: torch.dtype = torch.float32,
) -> str:
    """Plain PyTorch code of `module`: one class of named layers, `load(folder)` and a small demonstration.

    The state dict of the class has the keys of `flatten(module)`; these are the keys of `module` itself where its
    layers are direct attributes. Nothing in the text refers to archwright.

    Args:
        module: anything `torch.fx` can trace, built of `torch.nn` layers and torch functions.
        class_name: name of the class.
        doc: what the network is; first lines of the file's documentation.
        input_shape: shape of one input without the batch, for the documentation and the demonstration.
        input_dtype: type of the input.

    Raises:
        UserError: not traceable, a layer or function that is not torch's own, or a class name that is no identifier.
    """
    if not class_name.isidentifier() or keyword.iskeyword(class_name):
        raise UserError(f"class_name must be a Python identifier, got {class_name!r}")
    flat = flatten(module)
    text = _class(flat, class_name) + _LOAD.format(name=class_name)
    if input_shape:
        dtype = "" if input_dtype is torch.float32 else f", dtype={literal(input_dtype)}"
        text += _MAIN.format(shape=", ".join(map(str, (1, *input_shape))), dtype=dtype)
    return "\n".join(_head(flat, doc, input_shape, input_dtype) + _imports(text)) + "\n" + text


def _head(flat: fx.GraphModule, doc: str, input_shape: Sequence[int], input_dtype: torch.dtype) -> list[str]:
    doc = doc.replace("\\", "/").replace('"""', "'''").strip() or "A network written by archwright."
    lines = ['"""' + "\n\n".join(textwrap.fill(part, 118) for part in doc.split("\n\n")), ""]
    if input_shape:
        lines.append(f"Input: {str(input_dtype).removeprefix('torch.')} (N, {', '.join(map(str, input_shape))}).")
    return [*lines, f"{params(flat):,} parameters. Needs torch and safetensors only.", '"""', ""]


def _imports(text: str) -> list[str]:
    lines = ["from __future__ import annotations", "", "from pathlib import Path", ""]
    lines += ["import torch"] * ("torch." in text.replace("safetensors.torch", ""))
    lines += ["import torch.nn.functional as F"] * bool(re.search(r"\bF\.", text))
    return [*lines, "from torch import Tensor, nn"]


def _class(flat: fx.GraphModule, class_name: str) -> str:
    arguments, statements = forward(flat)
    lines = ["", "", f"class {class_name}(nn.Module):", "    def __init__(self) -> None:", "        super().__init__()"]
    lines += [f"        {line}" for line in _members(flat)]
    lines += ["", f"    def forward(self, {arguments}) -> Tensor:"]
    lines += [f"        {line}" for line in statements]
    return "\n".join(lines) + "\n"


def _members(flat: fx.GraphModule) -> list[str]:
    """One line for each layer, parameter and buffer, in order of first use."""
    names = dict.fromkeys(str(n.target) for n in flat.graph.nodes if n.op in ("call_module", "get_attr"))
    return [_member(name, getattr(flat, name)) for name in names]


def _member(name: str, member: nn.Module | Tensor) -> str:
    if isinstance(member, nn.Module):
        return f"self.{name} = {constructor(member)}"
    dtype = "" if member.dtype is torch.float32 else f", dtype={literal(member.dtype)}"
    shape = ", ".join(map(str, member.shape)) or "()"
    zeros = f"torch.zeros({shape}{dtype})"
    if isinstance(member, nn.Parameter):
        trainable = "" if member.requires_grad else ", requires_grad=False"
        return f"self.{name} = nn.Parameter({zeros}{trainable})"
    return f'self.register_buffer("{name}", {zeros})'
