"""The paper's ablations (Table 2) and pixel-anchored queries, each trained for the same steps from the same start, seed and identities.

    python -m training.evaluate.ablations                    # training/results/ablations.json; about 20 minutes on a free core
    python -m training.evaluate.ablations --steps 2 --reconstructor-steps 1 --people 8 --identities 2 --out dry.json

Driver: the reconstructor stays as it is (committed weights or --checkpoint), a fresh driver learns the same samples
- full: reads the position map, expressions with the distribution adjustment, errors at the mouth count more;
- without position map: the expression's coefficients and the pose at every texel instead (paper, section 4.3);
- without distribution adjustment: expressions as they come, of the same people;
- without mouth loss: the mouth counts like the rest of the face (this training is in UV: more weight on its texels is its mouth term).
Reconstructor, from scratch: with and without pixel-anchored queries. Refinement is not trained here; its row waits for the runtime's.

Short runs on few people: the order of the rows is what they can show."""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..headmodel.model import HeadModel
from ..losses.perceptual import PerceptualDistance
from ..losses.uv import LossWeights, delta_energy, delta_losses, total
from ..models.base_maps import DELTA_REGIONS, driver_masks, head_texels, set_base_maps
from ..models.blocks import upsample
from ..models.driver import DriverConfig, LightDriver, hourglass
from ..samples import CACHE, Batches, read_sample, write_sample
from ..synth.generator import Generator
from ..train import Trainer, load_settings
from .captures import Shot, read_set, sample_capture
from .frames import Frame, Truth, measure, table
from .landmarks import Landmarks
from .observers import Observers
from .puppets import Puppet, Puppeteer

ROOT = Path(__file__).parents[2]
MOUTH = ("lips", "mouthInterior", "teethUpper", "teethLower", "tongue")
METRICS = ("psnr_masked", "psnr", "ssim", "perceptual", "mouth_psnr", "mouth_perceptual")


class CoefficientDriver(LightDriver):
    """The driver of the ablation "no position map": coefficients [b, E + 15] spread over all texels."""

    def __init__(self, config: DriverConfig, position_map_size: int, coefficients: int):
        super().__init__(config, position_map_size)
        self.position = nn.Linear(coefficients, config.widths[0])

    def forward(self, identity: Tensor, coefficients: Tensor) -> Tensor:
        x = F.relu(self.position(coefficients)[:, :, None, None] + self.identity(identity))
        return F.pixel_shuffle(self.out(hourglass(x, self.first, self.down, self.level, self.up)), 2)


class DriverData:
    """Samples of some people with the identity features of a frozen reconstructor; kept in memory as float16."""

    def __init__(self, model: Puppeteer, files: list[Path]):
        self.identity, self.maps, self.deltas, self.coefficients = [], [], [], []
        for file in files:
            s = read_sample(file)
            puppet = model.make(s["photos"][:1], s["anchors_in"][:1], s["prior_in"])
            for k in range(len(s["deltas"])):
                self.identity.append(puppet.identity[0].half())
                self.maps.append(torch.from_numpy(s["position_maps"][k]).half())
                self.deltas.append(torch.from_numpy(s["deltas"][k]).half())
                self.coefficients.append(torch.from_numpy(np.r_[s["expressions"][k], s["poses"][k]]).float())

    def batches(self, size: int, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        rng = np.random.default_rng(seed)
        while True:
            pick = rng.choice(len(self.deltas), size)
            yield tuple(torch.stack([part[i] for i in pick]).float() for part in (self.identity, self.maps, self.deltas, self.coefficients))


def mouthless(masks: dict[str, Tensor], size: int) -> dict[str, Tensor]:
    """The masks of the driver's losses with no more weight on the mouth than on the cheeks."""
    model, texels = head_texels(size)
    boosted = masks["boosted"].flatten().clone()
    inside = np.isin(texels.region, [model.regions.index(name) for name in MOUTH])
    boosted[torch.from_numpy(texels.texel[inside])] = 0
    return masks | {"boosted": boosted.reshape(masks["boosted"].shape)}


def train_driver(
    driver: nn.Module, unit: Tensor, data: DriverData, masks, weights: LossWeights, steps: int, reads_map: bool, seed: int
) -> float:
    """AdamW with a cosine rate; returns the share of the truth's energy that the last quarter explains."""
    optimizer = torch.optim.AdamW(driver.parameters(), lr=2e-3, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1), 2e-5)
    energy = torch.zeros(2, 4, len(DELTA_REGIONS))
    driver.train()
    for step, (identity, maps, truth, coefficients) in zip(range(steps), data.batches(8, seed)):
        delta = driver(identity, maps if reads_map else coefficients) * unit
        loss = total(delta_losses(delta, truth, masks, weights), weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(driver.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step >= steps * 3 // 4:
            energy += delta_energy(delta, truth, masks["parts"])
    driver.eval()
    return float(1 - energy[0].sum() / energy[1].sum().clamp(min=1e-12))


class OtherDriver(Puppeteer):
    """A puppeteer whose driver was replaced."""

    def __init__(self, model: Puppeteer, driver: nn.Module, reads_map: bool):
        super().__init__(model.avatar, model.head)
        self.driver, self.reads_map = driver, reads_map

    @torch.no_grad()
    def draw(self, puppet: Puppet, shot: Shot, driven: bool = True) -> np.ndarray:
        given = shot.position_map if self.reads_map else np.r_[shot.expression, shot.pose]
        small = self.driver(puppet.identity, torch.from_numpy(np.asarray(given, np.float32))[None]) * self.avatar.delta_unit
        factor = puppet.static.shape[-1] // small.shape[-1]
        return self.splat(puppet.static, upsample(small, factor)[0].numpy() if driven else None, shot)


def score(model: Puppeteer, samples: list[tuple[str, dict]], landmarks: Landmarks, net: PerceptualDistance) -> dict[str, dict[str, float]]:
    """Self-reenactment from one photo: new view, new expression."""
    frames: list[Frame] = []
    for title, sample in samples:
        capture = sample_capture(sample, title, 1)
        puppet = model.of(capture)
        for shot in capture.shots:
            frames.append(
                replace(Truth.of(landmarks, capture, shot).frame("", "", title, model.draw(puppet, shot)), person=None, motion=None)
            )
    measure(frames, Observers(), net)
    return {name: value for name, value in table(frames)[""].items() if name in METRICS}


def people_with(folder: Path, count: int, adjusted: bool) -> list[Path]:
    """Training people, the first seeds, with or without the distribution adjustment: otherwise the same samples; made once."""
    folder = folder / ("adjusted" if adjusted else "plain")
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{seed:08d}_n1.npz" for seed in range(count)]
    generator = None
    for seed, file in enumerate(files):
        if not file.exists():
            generator = generator or Generator(HeadModel.load(), adjusted=adjusted)
            write_sample(file, generator.sample(seed, 1, 2, render_targets=False))
    return files


def ablate_driver(
    model: Puppeteer, files: list[Path], plain: list[Path], steps: int, judge: Callable, seed: int = 0
) -> Iterator[tuple[str, dict]]:
    """Rows of the driver's ablations."""
    config, size = model.avatar.config, model.avatar.config.position_map_size
    weights = load_settings(config.name)[2]
    adjusted, as_they_come = DriverData(model, files), DriverData(model, plain)
    masks = driver_masks(size, torch.stack(adjusted.deltas[:64]).float())
    variants = {
        "full": (adjusted, masks, True),
        "without position map": (adjusted, masks, False),
        "without distribution adjustment": (as_they_come, masks, True),
        "without mouth loss": (adjusted, mouthless(masks, size), True),
    }
    yield "driver: none (skinning alone)", judge(model, driven=False)
    for name, (data, own_masks, reads_map) in variants.items():
        torch.manual_seed(seed)
        driver = LightDriver(config.driver, size) if reads_map else CoefficientDriver(config.driver, size, len(data.coefficients[0]))
        driver.rest_position.copy_(model.avatar.driver.rest_position)
        start = time.monotonic()
        explained = train_driver(driver, model.avatar.delta_unit, data, own_masks, weights, steps, reads_map, seed)
        seconds = time.monotonic() - start
        row = judge(OtherDriver(model, driver, reads_map))
        yield f"driver: {name}", row | {"explained": plain_value(explained), "seconds": plain_value(seconds)}
        print(f"driver: {name}: {seconds:.0f} s, explains {explained:.3f} of the truth it trains on", flush=True)


def ablate_reconstructor(config: str, folder: Path, head: HeadModel, steps: int, judge: Callable) -> Iterator[tuple[str, dict]]:
    """From scratch on one photo of each person in `folder`, with and without pixel-anchored queries."""
    model, train, weights = load_settings(config)
    for name, chosen in (("with pixel-anchored queries", model), ("without pixel-anchored queries", replace(model, pixel_skip=None))):
        batches = Batches(folder, train.batch, (1.0,), train.expressions, seed=0)
        masks = driver_masks(model.position_map_size, torch.cat([batches.take()["deltas"] for _ in range(4)]))
        trainer = Trainer(chosen, replace(train, warmup_steps=min(train.warmup_steps, max(1, steps // 5))), weights, masks)
        set_base_maps(trainer.avatar, batches, 4)
        trainer.adopt()
        start = time.monotonic()
        for step in range(steps):
            trainer.step(batches.take(), step / steps)
        seconds = time.monotonic() - start
        yield f"reconstructor: {name}", judge(Puppeteer(trainer.average, head)) | {"seconds": plain_value(seconds)}
        print(f"reconstructor: {name}: {seconds:.0f} s", flush=True)


def plain_value(value: float) -> dict[str, float]:
    return {"mean": round(value, 4), "ci95": 0.0, "n": 1}


def undriven(model: Puppeteer) -> Puppeteer:
    """The same model, moved by skinning alone."""

    class Still(Puppeteer):
        def draw(self, puppet: Puppet, shot: Shot, driven: bool = True) -> np.ndarray:
            return super().draw(puppet, shot, driven=False)

    return Still(model.avatar, model.head)


def main() -> None:
    from .__main__ import load_model

    parser = argparse.ArgumentParser(description="Train and score the ablations.")
    parser.add_argument("--config", default="nano-128")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--people", type=int, default=200, help="training identities of the driver ablations")
    parser.add_argument("--steps", type=int, default=400, help="of each driver, batch 8")
    parser.add_argument("--reconstructor-steps", type=int, default=250, help="of each reconstructor; 0 leaves them out")
    parser.add_argument("--identities", type=int, default=16, help="held-out identities that judge")
    parser.add_argument("--out", type=Path, default=ROOT / "training/results/ablations.json")
    a = parser.parse_args()
    torch.set_num_threads(1)
    head = HeadModel.load()
    avatar, step = load_model(a.config, a.checkpoint)
    samples, landmarks, net = read_set(a.cache / "held-out", a.identities), Landmarks(head), PerceptualDistance()

    def judge(model: Puppeteer, driven: bool = True) -> dict[str, dict[str, float]]:
        return score(model if driven else undriven(model), samples, landmarks, net)

    files, plain = (people_with(a.cache / "ablations", a.people, adjusted) for adjusted in (True, False))
    model = Puppeteer(avatar, head)
    how = (
        f"{a.config}, step {step}. Drivers: fresh, {a.steps} steps of batch 8 on {len(files)} people before the frozen reconstructor. "
        f"Reconstructors: from scratch, {a.reconstructor_steps} steps. Same seed and order of samples. "
        f"Judged on {len(samples)} held-out people, one photo, new view and expression."
    )
    rows: dict[str, dict] = {}
    parts = [ablate_driver(model, files, plain, a.steps, judge)]
    if a.reconstructor_steps:
        parts.append(ablate_reconstructor(a.config, files[0].parent, head, a.reconstructor_steps, judge))
    a.out.parent.mkdir(parents=True, exist_ok=True)
    missing = {"driver, reconstructor: with refinement": "not part of training yet"}
    for name, row in (entry for part in parts for entry in part):
        rows[name] = row
        a.out.write_text(json.dumps({"how": how, "missing": missing, "rows": rows}, indent=1) + "\n")
    for name, row in rows.items():
        print(f"{name:50}" + "  ".join(f"{k} {v['mean']:.3f}" for k, v in row.items()))


if __name__ == "__main__":
    main()
