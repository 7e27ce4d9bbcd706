"""Image-space losses of the paper (section 3.3): splatted views against true pictures, with its weights. The mouth loss
(eq. 11) is `mouth_perceptual`; ours beside it are `mouth_rmse` and `mouth_psnr`.

Pictures are [b, 3, s, s], sRGB-encoded 0..1, both over the same background. All return a scalar."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..models.avatar import CHANNELS
from .perceptual import PerceptualDistance

LEAST_MOUTH = 0.002  # of a picture: what is seen of a mouth that is turned away counts less
LEAST_ERROR = 1e-4  # squared: a mouth of 40 dB is good enough


@dataclass(frozen=True)
class ImageLossWeights:
    image_l1: float = 1.0
    image_ssim: float = 0.1
    perceptual: float = 0.2
    mouth_perceptual: float = 10.0
    image_rmse: float = 0.0  # ours: root mean square error of each picture, which its PSNR is the logarithm of
    mouth_rmse: float = 0.0  # ours: the same of each picture's mouth
    # ours: minus the PSNR of each picture's mouth, in 10 dB: what counts is the share of its error
    mouth_psnr: float = 0.0
    outside: float = 1.0  # ours: how much a pixel counts that no head covers
    position_drift: float = 0.01
    scale_drift: float = 1.0


def ssim(predicted: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity per pixel [b, 3, s, s] (Wang et al. 2004): Gaussian window 11, sigma 1.5, data range 1."""
    offset = torch.arange(11, device=predicted.device, dtype=predicted.dtype) - 5
    window = torch.exp(-0.5 * (offset / 1.5) ** 2)
    window = (window / window.sum()).expand(3, 1, 1, 11)
    blur = lambda x: F.conv2d(
        F.conv2d(x, window, padding=(0, 5), groups=3), window.transpose(2, 3), padding=(5, 0), groups=3
    )
    mp, mt = blur(predicted), blur(truth)
    vp, vt, covariance = blur(predicted**2) - mp**2, blur(truth**2) - mt**2, blur(predicted * truth) - mp * mt
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mp * mt + c1) * (2 * covariance + c2) / ((mp**2 + mt**2 + c1) * (vp + vt + c2))


def image_losses(
    predicted: Tensor, truth: Tensor, mouth: Tensor, counted: Tensor, perceptual: PerceptualDistance | None
) -> dict[str, Tensor]:
    """Unweighted terms of pictures, without a net those that need none. [b, 1, s, s] in 0..1: `mouth` marks lips,
    teeth, tongue and the mouth's inside, `counted` says how much a pixel counts in the terms without a net."""
    error = (predicted - truth).abs()
    share = mouth.mean((1, 2, 3))
    in_mouth = (error.square() * mouth).mean((1, 2, 3)) / share.clamp(min=LEAST_MOUTH)
    shown = (share / LEAST_MOUTH).clamp(max=1)
    terms = {
        "image_l1": (error * counted).mean(),
        "image_rmse": (error.square() * counted).mean((1, 2, 3)).clamp(min=1e-8).sqrt().mean(),
        "mouth_rmse": in_mouth.clamp(min=1e-8).sqrt().mean(),
        "mouth_psnr": (shown * (in_mouth / shown.clamp(min=1e-6) + LEAST_ERROR).log10()).mean(),
        "image_ssim": ((1 - ssim(predicted, truth)) * counted).mean(),
    }
    if perceptual is None:
        return terms
    return terms | {
        "perceptual": perceptual(predicted, truth),
        # a mask over the whole picture's mean, as in the paper
        "mouth_perceptual": perceptual(predicted, truth, mouth) * mouth.mean(),
    }


def drift_losses(static: Tensor, initial: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """How far positions (m) and scales (m) have moved from the initial ones: maps [b, 14, H, W], `valid` [b, 1, H,
    W]."""
    mean = lambda x: (x.square() * valid).sum() / valid.sum().clamp(min=1)
    scale = lambda maps: maps[:, CHANNELS["log_scale"]].clamp(max=-3.9).exp()  # 0.02 m at most, as in the renderer
    position = CHANNELS["position"]
    return {
        "position_drift": mean(static[:, position] - initial[:, position]),
        "scale_drift": mean(scale(static) - scale(initial)),
    }
