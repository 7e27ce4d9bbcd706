"""The mouth loss (equation 11), for sharp teeth: `mouth_loss` is the paper's, `mouth_rmse` and `mouth_psnr` are ours.

Pictures are [b, 3, s, s], sRGB-encoded 0..1; `mouth` [b, 1, s, s] in 0..1 marks lips, teeth, tongue and the mouth's
inside. The mask M_mouth is drawn with the picture: no network parses it. Weights stand in losses/image.py, the other
place where the mouth counts more is `LossWeights.mouth` of losses/uv.py."""

from collections.abc import Callable

from torch import Tensor

LEAST_MOUTH = 0.002  # of a picture: what is seen of a mouth that is turned away counts less
LEAST_ERROR = 1e-4  # squared: a mouth of 40 dB is good enough


def mouth_loss(predicted: Tensor, truth: Tensor, mouth: Tensor, distance: Callable[..., Tensor]) -> Tensor:
    """Equation 11: perceptual distance of I_pred · M_mouth and I_gt · M_mouth.

    `distance(predicted, truth, weight)` is its mean over the mouth; the paper's is over the whole picture, most of
    which is masked, so the mouth's share of the picture is a factor."""
    return distance(predicted, truth, mouth) * mouth.mean()


def squared_error(predicted: Tensor, truth: Tensor, mouth: Tensor) -> tuple[Tensor, Tensor]:
    """Per picture [b]: mean squared error of its mouth, and the mouth's share of it."""
    share = mouth.mean((1, 2, 3))
    error = (predicted - truth).abs().square()
    return (error * mouth).mean((1, 2, 3)) / share.clamp(min=LEAST_MOUTH), share


def mouth_rmse(predicted: Tensor, truth: Tensor, mouth: Tensor) -> Tensor:
    """Ours: root mean square error of each picture's mouth."""
    return squared_error(predicted, truth, mouth)[0].clamp(min=1e-8).sqrt().mean()


def mouth_psnr(predicted: Tensor, truth: Tensor, mouth: Tensor) -> Tensor:
    """Ours: minus the PSNR of each picture's mouth, in 10 dB. What counts is the share of its error."""
    error, share = squared_error(predicted, truth, mouth)
    shown = (share / LEAST_MOUTH).clamp(max=1)
    return (shown * (error / shown.clamp(min=1e-6) + LEAST_ERROR).log10()).mean()
