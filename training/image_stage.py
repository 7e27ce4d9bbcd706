"""Stage S2: the predicted maps are splatted into true views, and pictures are compared (paper, section 3.3); UV losses
stay as an anchor.

A batch for this stage carries targets [b·k, 3, s, s] over gray, target_masks [b·k, s, s], cameras_R, cameras_t,
cameras_f, expressions and poses beside what stage S1 uses."""

import torch
from torch import Tensor

from .headmodel.model import HeadModel
from .losses.image import ImageLossWeights, drift_losses, image_losses
from .losses.perceptual import PerceptualDistance
from .models.avatar import CHANNELS, Avatar, Reconstruction
from .models.blocks import upsample
from .rasterizer.avatar_splatter import AvatarSplatter

BACKGROUND = 0.5


class ImageStage:
    """Holds what the losses need: splatter, perceptual net, weights of the terms."""

    def __init__(self, avatar: Avatar, weights: ImageLossWeights, device: torch.device | str = "cpu"):
        self.weights = weights
        self.factor = avatar.config.map_size // avatar.config.position_map_size
        self.splatter = AvatarSplatter(HeadModel.load(), avatar.config.map_size, device)
        size = avatar.config.map_size
        self.driven = torch.zeros(14, size * size, device=device)  # what pictures teach the driver alone: see `at_rest`
        self.driven[CHANNELS["opacity"].start :, self.splatter.texel] = self.splatter.mouth.T
        self.driven = self.driven.reshape(14, size, size)
        self.perceptual = PerceptualDistance().to(device) if weights.perceptual or weights.mouth_perceptual else None

    def at_rest(self, static: Tensor) -> Tensor:
        """`static` [b, 14, H, W], without gradients to all but positions of the mouth: a picture of an open mouth would
        lighten the teeth that the driver is to lighten. UV truth says what they are at rest."""
        return static + self.driven * (static.detach() - static)

    def pictures(self, static: Tensor, deltas: Tensor, batch: dict[str, Tensor], background: Tensor) -> Tensor:
        """static [b, 14, H, W], deltas [b·k, 14, P, P], background [3] -> [b·k, 5, s, s]: color, coverage, share of the
        mouth."""
        repeats, size = len(deltas) // len(static), batch["targets"].shape[-1]
        views = []
        for i, delta in enumerate(upsample(deltas, self.factor)):
            skin = self.splatter.skin(batch["expressions"][i].cpu().numpy(), batch["poses"][i].cpu().numpy())
            camera = batch["cameras_R"][i], batch["cameras_t"][i], float(batch["cameras_f"][i])
            views.append(self.splatter.picture(static[i // repeats], delta, skin, *camera, size, background))
        return torch.stack(views)

    def terms(self, reconstruction: Reconstruction, deltas: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Unweighted terms, over a random background; drift is measured from the true maps, where the paper has its
        initial ones."""
        background = torch.rand(3, device=deltas.device)
        free = 1 - batch["target_masks"][:, None]
        truth = batch["targets"] + free * (background - BACKGROUND)[:, None, None]
        static = reconstruction.static_map.float()
        # in bfloat16 a variance is a difference of equal numbers
        with torch.autocast(deltas.device.type, enabled=False):
            pictures = self.pictures(self.at_rest(static), deltas.float(), batch, background)
            counted = 1 - (1 - self.weights.outside) * free
            terms = image_losses(pictures[:, :3], truth, pictures[:, 4:], counted, self.perceptual)
        return terms | drift_losses(static, batch["static"], batch["valid"])
