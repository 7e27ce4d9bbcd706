import pytest
import torch
from scipy.ndimage import gaussian_filter

from training.losses.image import ImageLossWeights, drift_losses, image_losses, ssim
from training.losses.perceptual import PerceptualDistance


@pytest.fixture(scope="module")
def perceptual() -> PerceptualDistance:
    return PerceptualDistance()


def pictures(count: int = 2, size: int = 64) -> torch.Tensor:
    noise = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1)).numpy()
    return torch.from_numpy(gaussian_filter(noise, (0, 0, 2, 2))) * 3 - 1


def test_ssim_closed_forms():
    a = pictures()
    assert torch.allclose(ssim(a, a), torch.ones_like(a), atol=1e-5)
    # constant pictures: the variance terms are 1, the luminance term is left
    one, two = torch.full((1, 3, 32, 32), 0.4), torch.full((1, 3, 32, 32), 0.6)
    expected = (2 * 0.4 * 0.6 + 1e-4) / (0.4**2 + 0.6**2 + 1e-4)
    assert abs(ssim(one, two)[..., 8:24, 8:24].mean().item() - expected) < 1e-4


def test_perceptual_distance_sees_blur_and_ignores_what_is_outside_the_mask(perceptual):
    a = pictures()
    blurred = torch.from_numpy(gaussian_filter(a.numpy(), (0, 0, 1.5, 1.5)))
    very = torch.from_numpy(gaussian_filter(a.numpy(), (0, 0, 4, 4)))
    assert perceptual(a, a).item() < 1e-8 < perceptual(blurred, a).item() < perceptual(very, a).item()
    left = torch.zeros(2, 1, 64, 64)
    left[..., :8] = 1
    changed = a.clone()
    changed[..., 60:] = 0
    far, near = perceptual(changed, a, left), perceptual(changed, a, 1 - left)
    assert far.item() < 0.25 * near.item()


def test_imagenet_features_tell_pictures_apart(perceptual):
    """Wrong weights (or a wrong order of layers) give features that hardly differ between noise and a gradient."""
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64).contiguous()
    assert perceptual(ramp, pictures(1)).item() > 0.3


def test_image_losses_have_gradients_where_they_should(perceptual):
    truth = pictures(1)
    ours = (truth + 0.1).requires_grad_()
    mouth = torch.zeros(1, 1, 64, 64)
    mouth[..., 24:40, 24:40] = 1
    counted = torch.ones_like(mouth)
    counted[..., 32:] = 0.25
    terms = image_losses(ours, truth, mouth, torch.ones_like(mouth), perceptual)
    assert abs(terms["image_l1"].item() - 0.1) < 1e-5
    sum(terms.values()).backward()
    assert torch.isfinite(ours.grad).all() and ours.grad.abs().max() > 0
    assert terms["mouth_rmse"].item() == pytest.approx(0.1, rel=1e-3)
    assert terms["image_rmse"].item() == pytest.approx(0.1, rel=1e-3)
    half = image_losses(ours, truth, mouth, counted, None)
    assert half["image_l1"].item() == pytest.approx(0.0625, rel=1e-3)
    assert half["image_rmse"].item() == pytest.approx(0.1 * 0.625**0.5, rel=1e-3)
    assert half["mouth_rmse"].item() == pytest.approx(terms["mouth_rmse"].item())
    assert terms["mouth_psnr"].item() == pytest.approx(-2 * 1 + 0.0043, abs=1e-3), "20 dB"
    # 0.0000625 of the picture shows mouth, a 32nd of what counts in full
    aside = image_losses(ours, truth, mouth * 0.001, counted, None)
    assert aside["mouth_rmse"].item() == pytest.approx(0.1 / 32**0.5, rel=1e-3)
    assert aside["mouth_psnr"].item() == pytest.approx(terms["mouth_psnr"].item() / 32, rel=1e-2)
    none = ours.detach().clone().requires_grad_()
    image_losses(none, truth, mouth * 0, counted, None)["mouth_psnr"].backward()
    assert none.grad.abs().max() == 0, "no mouth, no pull"


def test_weights_are_the_papers_and_ours_are_off():
    """Section 4, "Training": L1, SSIM, LPIPS, mouth loss, position, scale."""
    weights = ImageLossWeights()
    papers = (weights.image_l1, weights.image_ssim, weights.perceptual, weights.mouth_perceptual)
    assert papers == (1, 0.1, 0.2, 10)
    assert (weights.position_drift, weights.scale_drift) == (0.01, 1)
    assert (weights.image_rmse, weights.mouth_rmse, weights.mouth_psnr, weights.outside) == (0, 0, 0, 1)


def test_the_mouth_loss_looks_at_the_mouth_and_counts_as_its_part_of_the_picture(perceptual):
    truth, counted = pictures(1, 128), torch.ones(1, 1, 128, 128)
    mouth = torch.zeros(1, 1, 128, 128)
    mouth[..., 32:64, 32:64] = 1
    value = lambda ours, mask: image_losses(ours, truth, mask, counted, perceptual)["mouth_perceptual"].item()
    changed = truth + 0.3 * mouth
    assert value(truth, mouth) < 1e-8
    assert value(changed, mouth) == pytest.approx(perceptual(changed, truth, mouth).item() / 16, rel=1e-5)
    aside = truth + 0.3 * mouth.flip(2, 3)
    assert value(aside, mouth) < 0.05 * value(changed, mouth)
    assert value(changed, mouth * 0) == 0


def test_drift_counts_valid_texels_only():
    initial = torch.zeros(1, 14, 4, 4)
    initial[:, 7:10] = -6
    moved = initial.clone()
    moved[:, 0, 0, 0] = 2.0
    moved[:, 1, 3, 3] = 9.0
    valid = torch.zeros(1, 1, 4, 4)
    valid[..., 0, :2] = 1
    terms = drift_losses(moved, initial, valid)
    assert terms["position_drift"].item() == pytest.approx(2.0) and terms["scale_drift"].item() == 0
