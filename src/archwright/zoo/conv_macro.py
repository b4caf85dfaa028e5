"""`conv-macro`: the chain of four elastic convolutions of TangleNAS (Sukthanker et al. 2023, arXiv 2312.10440), exact.

Each of the four layers chooses one of three widths and one of three kernels: 9^4 = 6561 networks, all tabulated
(`archwright.bench`). Widths and kernels are entangled: slices of one weight. The input width of a layer is the output
width of the one before.
"""

from __future__ import annotations

from torch import Tensor, nn

from archwright.space import Ordinal
from archwright.supernet import ElasticConv2d, Supernet
from archwright.supernet._dimension import Size
from archwright.zoo._inputs import check, image

WIDTHS = ((8, 16, 32), (16, 32, 64), (32, 64, 128), (64, 128, 256))
KERNELS = (3, 5, 7)


def conv_macro(*, in_channels: int = 3, classes: int = 10, image_size: int | None = 32) -> Supernet:
    """Four convolutions with chosen widths and kernels, the table of TangleNAS; the defaults are the published network.

    Variables `layer1.width`, `layer1.kernel`, ..., `layer4.kernel`. There is no normalisation; initial weights are
    PyTorch's. The head sees every pixel, so its parameters grow with the image.

    Args:
        in_channels: channels of the image.
        classes: number of outputs.
        image_size: height (= width) in pixels, 12 to 64.

    Raises:
        UserError: sizes out of range.
    """
    size = image("conv-macro", image_size)
    check("conv-macro", in_channels=in_channels, classes=classes, image_size=size, smallest=12, largest=64)
    return Supernet(_Network(in_channels, classes, size), name="conv-macro", input_shape=(in_channels, size, size))


class _Network(nn.Module):
    def __init__(self, in_channels: int, classes: int, size: int) -> None:
        super().__init__()
        widths = [Ordinal(f"layer{n}.width", options) for n, options in enumerate(WIDTHS, 1)]
        before: list[Size] = [in_channels, *widths[:-1]]
        one, two, three, four = (
            ElasticConv2d(i, o, Ordinal(f"layer{n}.kernel", KERNELS)) for n, (i, o) in enumerate(zip(before, widths), 1)
        )
        self.features = nn.Sequential(
            *[one, nn.ReLU(), two, nn.ReLU(), nn.MaxPool2d(2)],
            *[three, nn.ReLU(), nn.Dropout2d(0.5), nn.MaxPool2d(2)],
            *[four, nn.ReLU(), ElasticConv2d(widths[-1], 256, 7, padding=2), nn.Dropout2d(0.5)],
        )
        side = size // 4 - 2
        self.head = nn.Sequential(
            *[nn.Flatten(), nn.Linear(256 * side * side, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU()],
            *[nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, classes)],
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))
