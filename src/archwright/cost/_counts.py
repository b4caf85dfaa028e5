"""Exact counts: parameters, floating-point operations, bytes on disk."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from archwright.cost._mode import example, inference

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def params(module: nn.Module) -> int:
    """Number of parameters, trainable and frozen, each shared tensor once; buffers do not count."""
    return sum(p.numel() for p in module.parameters())


def flops(module: nn.Module, input: Tensor | Sequence[int]) -> int:  # noqa: A002
    """Floating-point operations of one forward pass for exactly this input, whole batch.

    Counted by `torch.utils.flop_counter`: two per multiply-accumulate of convolutions, matrix products and attention;
    bias, normalisation, activations, pooling and additions are free. Its count of attention misses the fused kernels of
    the CPU, which are added here, so a network counts the same on every device. Papers that print "FLOPs" mostly mean
    multiply-accumulates: compare those with `macs`.

    Args:
        module: any module; runs in eval mode without gradients, its training flags are restored.
        input: a tensor, or its shape with the batch first.
    """
    from torch.utils.flop_counter import FlopCounterMode

    x = example(module, input)
    fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    counter = FlopCounterMode(display=False, custom_mapping={fused: _attention})
    with inference(module), unfused_layers(), counter:
        module(x)
    return counter.get_total_flops()


def _attention(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: object, **__: object) -> int:
    """Query by key and weights by value, as torch counts the same kernels of a GPU."""
    *batch, tokens, width = query
    return 2 * math.prod(batch) * tokens * key[-2] * (width + value[-1])


@contextlib.contextmanager
def unfused_layers() -> Iterator[None]:
    """Transformer layers run as one kernel in eval mode, which hides their products from the counter."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def macs(module: nn.Module, input: Tensor | Sequence[int]) -> int:  # noqa: A002
    """Multiply-accumulates of one forward pass for this input: half of `flops`."""
    return flops(module, input) // 2


def size(module: nn.Module) -> int:
    """Bytes of the `model.safetensors` of this module: every entry of its state dict plus the header.

    Format: 8 bytes of header length, a JSON header padded with spaces to a multiple of 8, the tensors (Hugging Face,
    safetensors format, 2022). Entries are laid out by falling alignment, then by name.
    """
    tensors = sorted(module.state_dict().items(), key=lambda item: (-item[1].element_size(), item[0]))
    header: dict[str, object] = {}
    end = 0
    for name, tensor in tensors:
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    return 8 + -(-len(text) // 8) * 8 + end
