"""EfficientNet-Lite0 topology (no squeeze-excite, ReLU6), from its public table of (repeats, channels, kernel, stride,
expansion)."""

from torch import Tensor, nn

from .blocks import ConvBn

STAGES = (
    (1, 16, 3, 1, 1),
    (2, 24, 3, 2, 6),
    (2, 40, 5, 2, 6),
    (3, 80, 3, 2, 6),
    (3, 112, 5, 1, 6),
    (4, 192, 5, 2, 6),
    (1, 320, 3, 1, 6),
)
TAPS = (2, 4, 6)  # stage outputs at /8 (40 channels), /16 (112), /32 (320)


class StridedDepthwise(ConvBn):
    """Depthwise convolution with symmetric padding also where it strides."""

    def __init__(self, channels: int, kernel: int, stride: int):
        super().__init__(channels, channels, kernel, stride, groups=channels, activation="relu6")


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        width = inputs * expansion
        self.expand = ConvBn(inputs, width, 1, activation="relu6") if expansion > 1 else nn.Identity()
        self.depthwise = StridedDepthwise(width, kernel, stride)
        self.project = ConvBn(width, outputs, 1, activation="none")
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvBn(3, 32, 3, 2, activation="relu6")
        self.stages = nn.ModuleList()
        before = 32
        for repeats, channels, kernel, stride, expansion in STAGES:
            blocks = [InvertedResidual(before, channels, kernel, stride, expansion)]
            blocks += [InvertedResidual(channels, channels, kernel, 1, expansion) for _ in range(repeats - 1)]
            self.stages.append(nn.Sequential(*blocks))
            before = channels

    def forward(self, x: Tensor) -> list[Tensor]:
        """[b, 3, s, s] -> [b, 40, s/8, s/8], [b, 112, s/16, s/16], [b, 320, s/32, s/32]"""
        x = self.stem(x)
        taps = []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in TAPS:
                taps.append(x)
        return taps
