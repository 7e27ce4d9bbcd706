"""The mouth loss (equation 11) and ours beside it have the values that a calculation by hand gives."""

import pytest
import torch

from training.losses.image import ImageLossWeights, image_losses
from training.losses.mouth import mouth_loss, mouth_psnr, mouth_rmse
from training.losses.uv import total


def distance(predicted: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """Stands in for a perceptual net: mean absolute difference over the weight."""
    apart = (predicted - truth).abs().mean(1, keepdim=True)
    weight = torch.ones_like(apart) if weight is None else weight
    return (apart * weight).sum() / weight.sum().clamp(min=1e-6)


@pytest.fixture
def case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A picture of 4 x 4 whose mouth is its middle, a quarter of it: there it is wrong by 0.5, and by 0.2 beside it."""
    truth = torch.full((1, 3, 4, 4), 0.3)
    mouth = torch.zeros(1, 1, 4, 4)
    mouth[..., 1:3, 1:3] = 1
    return truth + 0.2 + 0.3 * mouth, truth, mouth


def test_the_mouth_loss_is_the_distance_of_the_mouth_times_its_share_of_the_picture(case):
    assert mouth_loss(*case, distance).item() == pytest.approx(0.5 * 0.25)
    predicted, truth, mouth = case
    assert mouth_loss(predicted * mouth, truth * mouth, mouth, distance).item() == pytest.approx(0.125), "masked before"
    assert mouth_loss(truth, truth, mouth, distance) == 0


def test_ours_are_the_error_of_the_mouth_and_its_logarithm(case):
    assert mouth_rmse(*case).item() == pytest.approx(0.5)
    assert mouth_psnr(*case).item() == pytest.approx(torch.tensor(0.25 + 1e-4).log10().item())


def test_the_trainer_weighs_it_as_the_paper_does(case):
    """The paper: 10 times the mouth loss, beside everything else of the picture."""
    predicted, truth, mouth = case
    terms = image_losses(predicted, truth, mouth, torch.ones_like(mouth), distance)
    assert terms["mouth_perceptual"].item() == pytest.approx(0.125)
    without = {name: value for name, value in terms.items() if name != "mouth_perceptual"}
    weights = ImageLossWeights()
    assert (total(terms, weights) - total(without, weights)).item() == pytest.approx(1.25)
