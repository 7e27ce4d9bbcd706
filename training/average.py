"""Average a checkpoint with the committed weights that its training started from: the mean of two neighbours is often
better than both (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").

    python -m training.average --checkpoint training/runs/nano-128/last.pt --out training/runs/averaged.pt
    python -m training.train --stage image --warm-start training/runs/averaged.pt --out training/runs/driver \\
        --set static_lr=0 ..."""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from .evaluate.__main__ import load_model
from .export.load_weights import unfold_batch_norm
from .models.avatar import Avatar
from .models.blocks import ConvBn
from .samples import CACHE, Batches
from .train import DRIVER_PARTS, load_settings


@torch.no_grad()
def fold_into_identity(avatar: Avatar) -> None:
    """Move the scale of every batch norm into its convolution; the norm keeps the bias. Evaluation stays the same, and
    weights of models that were normalised with other statistics can be compared."""
    for module in avatar.modules():
        if isinstance(module, ConvBn):
            norm = module.bn
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            module.conv.weight.mul_(scale[:, None, None, None])
            norm.bias.sub_(norm.running_mean * scale)
            norm.weight.fill_(1)
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)


def averaged(released: Avatar, trained: Avatar, share: float, driver_share: float) -> dict[str, Tensor]:
    """State with `share` of `trained` and the rest of `released`, both folded; `driver_share` of the driver and what it
    alone reads."""
    theirs = trained.state_dict()
    part = lambda name: driver_share if name.startswith(DRIVER_PARTS) else share
    return {
        k: torch.lerp(v, theirs[k], part(k)) if v.is_floating_point() else v for k, v in released.state_dict().items()
    }


@torch.no_grad()
def forward(avatar: Avatar, batch: dict[str, Tensor]) -> Tensor:
    """Every layer once; returns the deltas."""
    reconstruction = avatar(batch["photos"], batch["anchors"], batch["prior"])
    repeats = len(batch["deltas"]) // len(batch["photos"])
    return avatar.drive_small(reconstruction.identity_features.repeat_interleave(repeats, 0), batch["position_maps"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="nano-128")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="of the checkpoint")
    parser.add_argument(
        "--driver-share", type=float, default=0.7, help="the same of the driver, which is trained on alone afterwards"
    )
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="samples of its folder `views` measure the statistics of batch norms"
    )
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    (mean, _), (trained, step) = load_model(a.config, None), load_model(a.config, a.checkpoint)
    fold_into_identity(trained)
    mean.load_state_dict(averaged(mean, trained, a.share, a.driver_share))
    settings = load_settings(a.config)[1]
    batch = Batches(a.cache / "views", 12, settings.photo_weights, settings.expressions, seed=0).take()
    unfold_batch_norm(mean, lambda: forward(mean, batch))
    a.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": mean.state_dict(), "training": mean.state_dict(), "step": step}, a.out)


if __name__ == "__main__":
    main()
