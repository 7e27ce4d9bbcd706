"""Shows that a config trains: some steps on one batch of one synthetic person, the loss of each.

    python -m training.one_batch --config paper-400 --steps 6   # minutes per step on a CPU

The backbone of paper-400 has random weights unless its config names a checkpoint: what this shows is that gradients
flow through networks, losses and (stage `image`) splatter at full size, and what it takes in time and memory; not that
the features are any good."""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .headmodel.model import HeadModel
from .losses.image import ImageLossWeights
from .losses.uv import LossWeights
from .models.avatar import ModelConfig
from .models.base_maps import driver_masks, set_base_maps
from .samples import make_batch, pack, unpack
from .synth.generator import Generator
from .train import ROOT, TrainConfig, Trainer, load_settings


class Always:
    """Batches that are always the same."""

    def __init__(self, batch: dict[str, Tensor]):
        self.batch = batch

    def take(self) -> dict[str, Tensor]:
        return self.batch


def one_person(
    model: ModelConfig, photos: int, expressions: int, seed: int = 0, views: bool = False
) -> dict[str, Tensor]:
    """A batch of one synthetic person in the model's own sizes; `views` adds the pictures that the stage `image`
    compares with."""
    generator = Generator(
        HeadModel.load(),
        photo_size=model.encoder.photo_size,
        map_size=model.map_size,
        anchor_size=model.anchor_size or model.fusion.query_grid,
        position_map_size=model.position_map_size,
        adjusted=True,
    )
    sample = unpack(pack(generator.sample(seed, photos, expressions, render_targets=views)))
    return make_batch([sample], photos, expressions, np.random.default_rng(seed))


def trainer_for(
    model: ModelConfig,
    config: TrainConfig,
    weights: LossWeights,
    batch: dict[str, Tensor],
    image: ImageLossWeights | None = None,
) -> Trainer:
    """A fresh trainer at the config's full rate, with base maps of the batch."""
    masks = driver_masks(model.position_map_size, batch["deltas"])
    trainer = Trainer(model, replace(config, warmup_steps=1), weights, masks, image_weights=image)
    set_base_maps(trainer.avatar, Always(batch), 1)
    trainer.adopt()
    return trainer


def steps(trainer: Trainer, batch: dict[str, Tensor], count: int) -> Iterator[dict[str, float]]:
    """Terms of the loss before each of `count` updates, and seconds."""
    for _ in range(count):
        start = time.monotonic()
        torch.manual_seed(0)  # the image stage draws a background: one batch, one background
        terms = trainer.step(batch, 0.0)
        yield terms | {"seconds": time.monotonic() - start}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="paper-400")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--photos", type=int, default=1)
    parser.add_argument("--expressions", type=int, help="default: as the config says")
    parser.add_argument("--stage", choices=("uv", "image"), default="uv")
    parser.add_argument("--lr", type=float, help="default: as the config says")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    model, config, weights, image_weights = load_settings(a.config)
    config = replace(config, lr=a.lr or config.lr, expressions=a.expressions or config.expressions)
    image = image_weights if a.stage == "image" else None
    batch = one_person(model, a.photos, config.expressions, views=image is not None)
    trainer = trainer_for(model, config, weights, batch, image)
    trained = sum(p.numel() for p in trainer.avatar.parameters() if p.requires_grad)
    shapes = f"photos {tuple(batch['photos'].shape)}, maps {tuple(batch['static'].shape)}"
    print(f"{a.config}, stage {a.stage}: {shapes}, {trained / 1e6:.1f} M parameters train", flush=True)
    out = {
        "config": a.config,
        "stage": a.stage,
        "photos": a.photos,
        "expressions": config.expressions,
        "lr": config.lr,
        "parameters": sum(p.numel() for p in trainer.avatar.parameters()),
        "trained_parameters": trained,
        "backbone": model.encoder.vit_checkpoint or "random weights",
        "steps": [],
    }
    path = a.out or ROOT / f"training/results/{a.config}-steps.json"
    for i, terms in enumerate(steps(trainer, batch, a.steps)):
        out["steps"].append({name: round(value, 6) for name, value in terms.items()})
        out["peak_gib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(out, indent=1) + "\n")
        print(
            f"step {i}: loss {terms['total']:.5f}, {terms['seconds']:.0f} s, {out['peak_gib']} GiB at most", flush=True
        )


if __name__ == "__main__":
    main()
