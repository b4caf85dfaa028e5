"""Generated files: what they look like, and that they compute exactly what the network computes."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archwright.errors import UserError
from archwright.export import flatten, source


def run(text: str, module: nn.Module, class_name: str = "Network") -> nn.Module:
    namespace: dict[str, Any] = {"__name__": "generated", "__file__": str(Path.cwd() / "model.py")}
    exec(compile(text, "model.py", "exec"), namespace)
    network = namespace[class_name]()
    network.load_state_dict(flatten(module).state_dict())
    return network.eval()


def body(text: str) -> list[str]:
    lines = text.split("def forward")[1].split("\n\n")[0].splitlines()
    return [line.strip() for line in lines[1:]]


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(x + self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


class Zoo(nn.Module):
    """One of everything that extracted networks use."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.rand(1, 3, 1, 1))
        self.register_buffer("std", torch.rand(1, 3, 1, 1) + 1)
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.block = Residual(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(16, 10)
        self.scale = nn.Parameter(torch.rand(8))

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / self.std
        x = self.block(self.stem(x))
        y = torch.cat([F.avg_pool2d(x, 2), F.max_pool2d(x, kernel_size=2)], dim=1)[:, ::2]
        tokens = y.flatten(2).transpose(1, 2)
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        a = F.relu(mixed).mean(dim=1) * self.scale
        b = -(x.mean((2, 3)) ** 2) + 2 * (a - 1.5) - (a - (a - 1)) / (1 + a * a)
        b += a
        return self.head(F.dropout(torch.cat((a.view(x.shape[0], -1), b), 1), 0.5, self.training))


def test_everything_computes_the_same() -> None:
    net = Zoo().eval()
    x = torch.randn(3, 3, 8, 8)
    text = source(net, input_shape=(3, 8, 8))
    assert torch.equal(run(text, net)(x), net(x))


def test_reads_like_handwritten_code() -> None:
    assert body(source(Residual(4))) == [
        "y = self.relu(self.bn1(self.conv1(x)))",
        "return self.relu(x + self.bn2(self.conv2(y)))",
    ]


def test_header_names_shape_and_parameters() -> None:
    text = source(nn.Linear(4, 2), class_name="Tiny", doc='A "tiny" one.\nWith """quotes""".', input_shape=(4,))
    tree = ast.parse(text)
    doc = ast.get_docstring(tree) or ""
    assert "Input: float32 (N, 4)." in doc
    assert "10 parameters" in doc
    assert "class Tiny(nn.Module):" in text
    assert "example = torch.zeros(1, 4)" in text


def test_imports_torch_and_safetensors_only_and_uses_what_it_imports() -> None:
    for net in (Zoo(), nn.Linear(2, 2), Residual(2)):
        tree = ast.parse(source(net))
        found: set[str] = set()
        names: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found |= {a.name.split(".")[0] for a in node.names} if isinstance(node, ast.Import) else set()
                found |= {(node.module or "").split(".")[0]} if isinstance(node, ast.ImportFrom) else set()
                names |= {a.asname or a.name for a in node.names} - {"annotations"}
        assert found <= {"__future__", "pathlib", "torch", "safetensors"}
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert names <= used
        assert not {"eval", "exec", "pickle"} & used


def test_order_of_evaluation_is_kept_for_inplace_layers() -> None:
    class Inplace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU(inplace=True)
            self.neg = nn.Hardtanh(-3, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = x * 1
            a = self.neg(x)  # reads x before it is rectified
            b = self.relu(x)
            return b + a

    net = Inplace()
    x = torch.randn(50)
    assert torch.equal(run(source(net), net)(x), net(x))


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs(seed: int) -> None:
    """Random directed acyclic graphs of layers, sums, products and concatenations."""
    g = torch.Generator().manual_seed(seed)

    def pick(n: int) -> int:
        return int(torch.randint(n, (1,), generator=g))

    plan = [(pick(6), pick(i + 1), pick(i + 1)) for i in range(30)]

    class Random(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in plan)
            self.wide = nn.ModuleList(nn.Linear(8, 4) for _ in plan)
            self.act = nn.Tanh()

        def forward(self, x: Tensor) -> Tensor:
            values = [x]
            for i, (what, a, b) in enumerate(plan):
                values.append(self.step(i, what, values[-1 - a % len(values)], values[b]))
            return values[-1] + values[-2]

        def step(self, i: int, what: int, p: Tensor, q: Tensor) -> Tensor:
            match what:
                case 0:
                    return self.layers[i](p)
                case 1:
                    return self.act(p)
                case 2:
                    return p + q
                case 3:
                    return p - (q - p * q)
                case 4:
                    return self.wide[i](torch.cat([q, p], 1))
            return F.layer_norm(p, (4,)) * -q

    net = Random().eval()
    x = torch.randn(5, 4)
    assert torch.equal(run(source(net), net)(x), net(x))


def test_hundreds_of_layers() -> None:
    net = nn.Sequential(*(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.GELU()) for _ in range(150)))
    net.eval()
    text = source(net)
    assert len(body(text)) == 150
    assert max(map(len, text.splitlines())) <= 120
    x = torch.randn(2, 3)
    assert torch.equal(run(text, net)(x), net(x))


def test_keys_of_a_flat_module_are_its_own() -> None:
    net = Residual(3)
    assert set(run(source(net), net).state_dict()) == set(net.state_dict())


def test_recurrent_and_embedded() -> None:
    class Text(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(11, 4)
            self.lstm = nn.LSTM(4, 6, batch_first=True)
            self.head = nn.Linear(6, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            states, _ = self.lstm(self.embed(tokens))
            return self.head(states[:, -1])

    net = Text().eval()
    text = source(net, input_shape=(7,), input_dtype=torch.int64)
    assert "torch.zeros(1, 7, dtype=torch.int64)" in text
    x = torch.randint(11, (3, 7))
    assert torch.equal(run(text, net)(x), net(x))


def test_dtypes_are_kept() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double().eval()
    x = torch.randn(4, 2, dtype=torch.float64)
    assert torch.equal(run(source(net), net)(x), net(x))


def test_foreign_function_is_refused() -> None:
    with pytest.raises(UserError, match=r"_foreign.* is not part of torch"):
        source(Foreign())


@torch.fx.wrap
def _foreign(x: Tensor) -> Tensor:
    return x


class Foreign(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _foreign(x)


@pytest.mark.parametrize("name", ["", "class", "a b"])
def test_class_name_must_be_an_identifier(name: str) -> None:
    with pytest.raises(UserError, match="class_name"):
        source(nn.Linear(1, 1), class_name=name)
