"""The paper's ablations (Table 2), pixel-anchored queries and the number of training people, each trained for the same
steps from the same start and seed.

    python -m training.evaluate.ablations     # training/results/ablations.json; about an hour on a free core
    python -m training.evaluate.ablations --steps 2 --picture-steps 1 --reconstructor-steps 1 \\
        --people 8 --judges 2 --out dry.json

Driver: the reconstructor stays as it is (committed weights or --checkpoint), a fresh driver learns from cached features
of the same people
- full: reads the position map, expressions with the distribution adjustment, errors at the mouth count more;
- without position map: the expression's coefficients and the pose at every texel instead (paper, section 4.3);
- without distribution adjustment: expressions as they come, as many of the same people;
- without mouth loss: the mouth counts like the rest of the face (this training is in UV: more weight on its texels is
  its mouth term);
- on fewer people (--counts): the paper's study of the number of identities, for the same steps.
Pictures: the driver without mouth loss goes on in splatted views, with and without the terms that look at the mouth
alone.
Reconstructor, from scratch on the trainer's cache: with and without pixel-anchored queries.
Refinement (paper's row e): not trained; taken over from `python -m training.evaluate.refined`, other people, views left
out of the photos; its other levels, among them the paper's, from `python -m training.evaluate.levels`, again other
people.

Every row is drawn on the same frames of held-out people: `differences` are means over people of what a row is above
`full` (or above the reconstructor with pixel-anchored queries), with the 95 % interval of that."""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..headmodel.model import HeadModel
from ..losses.perceptual import PerceptualDistance
from ..losses.uv import LossWeights, delta_energy, delta_losses, total
from ..models.base_maps import DELTA_REGIONS, driver_masks, mouth_map, set_base_maps
from ..models.blocks import upsample
from ..models.driver import DriverConfig, LightDriver, hourglass
from ..models.landmarks import Landmarks
from ..samples import CACHE, Batches
from ..train import Trainer, load_settings
from . import levels
from .ablation_data import DriverData, identities, judges, people
from .captures import Capture, Shot
from .frames import Frame, Truth, measure
from .observers import Observers
from .paired import ByPerson
from .puppets import Puppet, Puppeteer

ROOT = Path(__file__).parents[2]
METRICS = ("psnr_masked", "psnr", "ssim", "perceptual", "mouth_psnr", "mouth_perceptual")


class CoefficientDriver(LightDriver):
    """The driver of the ablation "no position map": coefficients [b, E + 15] spread over all texels."""

    def __init__(self, config: DriverConfig, position_map_size: int, coefficients: int):
        super().__init__(config, position_map_size)
        self.position = nn.Linear(coefficients, config.widths[0])

    def forward(self, identity: Tensor, coefficients: Tensor) -> Tensor:
        x = F.relu(self.position(coefficients)[:, :, None, None] + self.identity(identity))
        return F.pixel_shuffle(self.out(hourglass(x, self.first, self.down, self.level, self.up)), 2)


def mouthless(masks: dict[str, Tensor], size: int) -> dict[str, Tensor]:
    """The masks of the driver's losses with no more weight on the mouth than on the cheeks."""
    return masks | {"boosted": masks["boosted"] * (1 - mouth_map(size))}


@dataclass(frozen=True)
class Plan:
    """How long, on whom, judged by whom."""

    steps: int = 1500  # of each driver
    batch: int = 4
    people: int = 250  # training identities of the drivers
    expressions: int = 4  # of each
    counts: tuple[int, ...] = (5, 50)  # fewer training identities
    judges: int = 24  # held-out identities
    judge_expressions: int = 2  # of each, as they come; and as many of the adjusted distribution
    picture_steps: int = 300  # of a driver in splatted views; 0 leaves them out
    reconstructor_steps: int = 300  # 0 leaves them out
    seed: int = 0

    def key(self) -> str:
        """Of how drivers were trained, not of who judges them."""
        trained = (self.steps, self.batch, self.people, self.expressions, self.seed)
        return "-".join(map(str, trained))


def train_driver(
    driver: nn.Module,
    unit: Tensor,
    data: DriverData,
    masks: dict[str, Tensor],
    weights: LossWeights,
    plan: Plan,
    reads_map: bool,
    count: int,
) -> float:
    """AdamW with a cosine rate, networks in bfloat16, on the first `count` people; returns the share of the truth's
    energy that the last quarter explains."""
    optimizer = torch.optim.AdamW(driver.parameters(), lr=2e-3, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(plan.steps, 1), 2e-5)
    energy = torch.zeros(2, 4, len(DELTA_REGIONS))
    driver.train()
    for step, (identity, maps, truth, coefficients) in zip(
        range(plan.steps), data.batches(plan.batch, plan.seed, count)
    ):
        with torch.autocast("cpu", torch.bfloat16):
            delta = driver(identity, maps if reads_map else coefficients)
        delta = delta.float() * unit
        loss = total(delta_losses(delta, truth, masks, weights), weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(driver.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step >= plan.steps * 3 // 4:
            energy += delta_energy(delta, truth, masks["parts"])
    driver.eval()
    return float(1 - energy[0].sum() / energy[1].sum().clamp(min=1e-12))


def once(file: Path, module: nn.Module, train: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Train `module` and keep it, or take it from the file of an earlier run that was cut off; returns facts of the
    training."""
    if file.exists():
        kept = torch.load(file, weights_only=True)
        module.load_state_dict(kept["state"])
        return kept["facts"]
    start = time.monotonic()
    facts = train() | {"seconds": time.monotonic() - start}
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state": module.state_dict(), "facts": facts}, file.with_suffix(".part"))
    file.with_suffix(".part").rename(file)
    return facts


class OtherDriver(Puppeteer):
    """A puppeteer whose driver was replaced."""

    def __init__(self, model: Puppeteer, driver: nn.Module, reads_map: bool):
        super().__init__(model.avatar, model.head)
        self.driver, self.reads_map = driver, reads_map

    @torch.no_grad()
    def draw(self, puppet: Puppet, shot: Shot, driven: bool = True) -> np.ndarray:
        given = shot.position_map if self.reads_map else np.r_[shot.expression, shot.pose]
        small = (
            self.driver(puppet.identity, torch.from_numpy(np.asarray(given, np.float32))[None]) * self.avatar.delta_unit
        )
        factor = puppet.static.shape[-1] // small.shape[-1]
        return self.splat(puppet.static, upsample(small, factor)[0].numpy() if driven else None, shot)


class Undriven(Puppeteer):
    """A puppeteer whose puppets are moved by skinning alone."""

    def draw(self, puppet: Puppet, shot: Shot, driven: bool = True) -> np.ndarray:
        return super().draw(puppet, shot, driven=False)


def judge(
    models: dict[str, Puppeteer], captures: list[Capture], landmarks: Landmarks, net: PerceptualDistance
) -> list[Frame]:
    """Every model's picture of every shot, measured: self-reenactment from one photo, new view, new expression. The
    first half of a capture's shots are expressions as they come, the others of the adjusted distribution."""
    out: list[Frame] = []
    for capture in captures:
        puppets: dict[int, Puppet] = {}
        for model in models.values():
            if id(model.avatar) not in puppets:
                puppets[id(model.avatar)] = model.of(capture)
        for k, shot in enumerate(capture.shots):
            truth, condition = (
                Truth.of(landmarks, capture, shot),
                "as they come" if 2 * k < len(capture.shots) else "adjusted",
            )
            frames = []
            for name, model in models.items():
                frame = truth.frame(
                    "", name, capture.name, model.draw(puppets[id(model.avatar)], shot), condition=condition
                )
                frames.append(replace(frame, person=None, motion=None))  # no recognition here
            measure(frames, Observers(), net)
            out += [replace(frame, picture=None, truth=None, mask=None, mouth=None) for frame in frames]
    return out


def ablate_drivers(
    model: Puppeteer, files: list[Path], plan: Plan, kept: Path
) -> Iterator[tuple[str, Puppeteer, dict[str, float]]]:
    """Title, model and facts of the training of each variant."""
    config, size = model.avatar.config, model.avatar.config.position_map_size
    weights = load_settings(config.name)[2]
    features = identities(model, files)
    adjusted, plain = (DriverData(features, files, arm) for arm in ("adjusted", "plain"))
    masks = driver_masks(size, torch.stack(adjusted.deltas[:256]).float())
    variants = {
        "full": (adjusted, masks, True, len(files)),
        "without position map": (adjusted, masks, False, len(files)),
        "without distribution adjustment": (plain, masks, True, len(files)),
        "without mouth loss": (adjusted, mouthless(masks, size), True, len(files)),
    } | {f"on {count} people": (adjusted, masks, True, count) for count in plan.counts}
    for name, (data, own_masks, reads_map, count) in variants.items():
        torch.manual_seed(plan.seed)
        driver = (
            LightDriver(config.driver, size)
            if reads_map
            else CoefficientDriver(config.driver, size, len(data.coefficients[0]))
        )
        driver.rest_position.copy_(model.avatar.driver.rest_position)
        learn = (model.avatar.delta_unit, data, own_masks, weights, plan, reads_map, count)
        train = lambda driver=driver, learn=learn: {"explained": train_driver(driver, *learn)}
        facts = once(kept / f"driver {name}.pt", driver, train)
        driver.eval()
        print(
            f"driver: {name}: {facts['seconds']:.0f} s, explains {facts['explained']:.3f} of the truth it trains on",
            flush=True,
        )
        yield f"driver: {name}", OtherDriver(model, driver, reads_map), facts


def take_steps(trainer: Trainer, batches: Batches, steps: int) -> dict[str, float]:
    for step in range(steps):
        trainer.step(batches.take(), step / steps)
    return {}


def ablate_mouth_loss(
    model: Puppeteer, driver: nn.Module, folder: Path, plan: Plan, kept: Path
) -> Iterator[tuple[str, Puppeteer, dict[str, float]]]:
    """`driver` goes on in splatted views of the trainer's people (paper, section 3.3), all else stays: with and without
    a mouth loss."""
    config, settings, weights, pictures = load_settings(model.avatar.config.name)
    settings = replace(
        settings, static_lr=0.0, driver_lr=3.0, image_lr=1e-4, expressions=2, ema=0.99, precision="bfloat16"
    )
    settings = replace(settings, warmup_steps=min(settings.warmup_steps, max(1, plan.picture_steps // 5)))
    pictures = replace(pictures, image_rmse=3.0, mouth_rmse=2.0, mouth_psnr=1.0)
    for name, chosen in (
        ("with mouth loss", pictures),
        ("without mouth loss", replace(pictures, mouth_rmse=0.0, mouth_psnr=0.0)),
    ):
        batches = Batches(
            folder, settings.batch, settings.photo_weights, settings.expressions, seed=plan.seed, views=True
        )
        size = model.avatar.config.position_map_size
        masks = driver_masks(size, torch.cat([batches.take()["deltas"] for _ in range(4)]))
        trainer = Trainer(
            model.avatar.config,
            settings,
            weights,
            masks if chosen is pictures else mouthless(masks, size),
            image_weights=chosen,
        )
        trainer.avatar.load_state_dict(model.avatar.state_dict())
        trainer.avatar.driver.load_state_dict(driver.state_dict())
        trainer.adopt()

        facts = once(
            kept / f"pictures {name} {plan.picture_steps}.pt",
            trainer.average,
            lambda: take_steps(trainer, batches, plan.picture_steps),  # noqa: B023
        )
        print(f"pictures: {name}: {facts['seconds']:.0f} s", flush=True)
        yield f"pictures: {name}", Puppeteer(trainer.average, model.head), facts


def ablate_reconstructors(
    config: str, folder: Path, head: HeadModel, plan: Plan, kept: Path
) -> Iterator[tuple[str, Puppeteer, dict[str, float]]]:
    """From scratch on the trainer's samples, with and without pixel-anchored queries; drivers learn beside them and do
    not matter here."""
    model, settings, weights, _ = load_settings(config)
    for name, chosen in (
        ("with pixel-anchored queries", model),
        ("without pixel-anchored queries", replace(model, pixel_skip=None)),
    ):
        batches = Batches(folder, settings.batch, settings.photo_weights, settings.expressions, seed=plan.seed)
        masks = driver_masks(model.position_map_size, torch.cat([batches.take()["deltas"] for _ in range(4)]))
        short = replace(
            settings,
            warmup_steps=min(settings.warmup_steps, max(1, plan.reconstructor_steps // 5)),
            precision="bfloat16",
            lr=1e-3,
        )
        trainer = Trainer(chosen, short, weights, masks)
        set_base_maps(trainer.avatar, batches, 4)
        trainer.adopt()

        facts = once(
            kept / f"reconstructor {name} {plan.reconstructor_steps}.pt",
            trainer.average,
            lambda: take_steps(trainer, batches, plan.reconstructor_steps),  # noqa: B023
        )
        print(f"reconstructor: {name}: {facts['seconds']:.0f} s", flush=True)
        yield f"reconstructor: {name}", Undriven(trainer.average, head), facts


PAPER = (  # the orders of its Table 2 and Fig. 5, and ours: what should be better than what
    ("driver: full", "driver: without position map"),
    ("driver: full", "driver: without distribution adjustment"),
    ("driver: full", "driver: without mouth loss"),
    ("pictures: with mouth loss", "pictures: without mouth loss"),
    ("driver: full", "driver: none (skinning alone)"),
    ("reconstructor: with pixel-anchored queries", "reconstructor: without pixel-anchored queries"),
)


def reading(differences: dict, metrics: tuple[str, ...] = ("psnr_masked", "mouth_psnr")) -> str:
    """What the paired differences say about each order: yes or no where the interval leaves out zero."""
    said = []
    for better, worse in (
        *PAPER,
        *(("driver: full", row) for row in differences if " people" in row and "@" not in row),
    ):
        for name in metrics:
            d = differences.get(worse, {}).get(name)
            if d:
                verdict = "undecided" if abs(d["mean"]) <= d["ci95"] else "yes" if d["mean"] < 0 else "no"
                said.append(
                    f"{better} over {worse.split(': ')[1]}, {name}: {verdict} ({-d['mean']:+.3f} ± {d['ci95']:.3f} dB)"
                )
    return "; ".join(said) + "."


def with_refinement(out: dict, file: Path) -> None:
    """Put the paper's row e, measured by evaluate/refined.py, beside the others: PSNR of left-out views, what
    refinement adds."""
    name = "with refinement"
    if not file.exists() or "synthetic" not in (measured := json.loads(file.read_text())):
        out["missing"][name] = "run `python -m training.evaluate.refined` first"
        return
    out["missing"].pop(name, None)
    for count in ("1 photo", "4 photos"):
        table = measured["synthetic"]
        out["rows"][f"refinement: none, {count}"] = {"psnr_masked": table[count]["left out"]}
        out["rows"][f"refinement: with, {count}"] = {"psnr_masked": table[f"{count}, refined"]["left out"]}
        out["differences"][f"refinement: with, {count}"] = {
            "psnr_masked": table[f"{count}, refined, over {count}"]["left out"]
        }


def with_levels(out: dict, file: Path) -> None:
    """Put other levels of refinement, measured by evaluate/levels.py on people of its own, beside them; differences are
    to those people's avatars without any refinement."""
    if not file.exists() or "synthetic" not in (measured := json.loads(file.read_text())):
        out["missing"]["levels of refinement"] = "run `python -m training.evaluate.levels` first"
        return
    for count in ("1 photo", "4 photos"):
        for level in (levels.NONE, levels.COLORS, levels.GEOMETRY, levels.PARAMETERS, levels.BOTH):
            row, table = f"refinement: {level}, other people, {count}", measured["synthetic"]
            out["rows"][row] = {"psnr_masked": table[f"{count}: {level}"]["left out"]}
            if level != levels.NONE:
                out["differences"][row] = {"psnr_masked": table[f"{count}: {level}, over {levels.NONE}"]["left out"]}


def main() -> None:
    from .__main__ import load_model

    parser = argparse.ArgumentParser(description="Train and score the ablations.")
    parser.add_argument("--config", default="nano-128")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--cache", type=Path, default=CACHE)
    for name, value in vars(Plan()).items():
        several = isinstance(value, tuple)
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=value, **({"nargs": "*"} if several else {})
        )
    parser.add_argument("--out", type=Path, default=ROOT / "training/results/ablations.json")
    a = parser.parse_args()
    plan = Plan(**{name: tuple(v) if isinstance(v := getattr(a, name), list) else v for name in vars(Plan())})
    torch.set_num_threads(1)
    head = HeadModel.load()
    avatar, step = load_model(a.config, a.checkpoint)
    model, landmarks, net = Puppeteer(avatar, head), Landmarks(head), PerceptualDistance()
    files = people(a.cache / "ablations", plan.people, plan.expressions)
    kept = a.cache / "ablations" / f"{a.config}-{step}-{plan.key()}"
    captures = judges(a.cache / "ablations", plan.judges, plan.judge_expressions)
    afterwards = (
        f"Pictures: the driver without mouth loss, {plan.picture_steps} more steps in splatted views. "
        if plan.picture_steps
        else ""
    )
    afterwards += (
        f"Reconstructors: from scratch, {plan.reconstructor_steps} steps, moved by skinning alone. "
        if plan.reconstructor_steps
        else ""
    )
    out: dict = {
        "how": f"{a.config}, step {step}. Drivers: fresh, {plan.steps} steps of batch {plan.batch} on {plan.people} "
        f"people with {plan.expressions} expressions each, before the frozen reconstructor. {afterwards}Same seed and "
        f"order of samples. Judged on {len(captures)} held-out people, one photo, {2 * plan.judge_expressions} new "
        "views and expressions each, half of them as they come, half of the adjusted distribution. Intervals are over "
        "people; differences are paired.",
        "missing": {},
        "rows": {},
        "differences": {},
        "training": {},
        "reading": "",
        "why": json.loads(a.out.read_text()).get("why", "") if a.out.exists() else "",  # written by hand, kept
    }

    def add(base: str, models: dict[str, Puppeteer]) -> None:
        measured = ByPerson(judge(models, captures, landmarks, net), METRICS)
        out["rows"] |= measured.rows()
        out["differences"] |= measured.over(base, [name for name in models if name != base])
        out["reading"] = reading(out["differences"])
        a.out.parent.mkdir(parents=True, exist_ok=True)
        a.out.write_text(json.dumps(out, indent=1) + "\n")

    def trained(variants: Iterator) -> dict[str, Puppeteer]:
        models = {}
        for name, variant, facts in variants:
            models[name] = variant
            out["training"][name] = {
                fact: {"mean": round(value, 4), "ci95": 0.0, "n": 1} for fact, value in facts.items()
            }
        return models

    drivers = trained(ablate_drivers(model, files, plan, kept))
    add("driver: full", drivers | {"driver: none (skinning alone)": Undriven(avatar, head)})
    if plan.picture_steps:
        mouthless_driver = drivers["driver: without mouth loss"].driver
        add(
            "pictures: with mouth loss",
            trained(ablate_mouth_loss(model, mouthless_driver, a.cache / "views", plan, kept)),
        )
    if plan.reconstructor_steps:
        add(
            "reconstructor: with pixel-anchored queries",
            trained(ablate_reconstructors(a.config, a.cache / "train", head, plan, kept)),
        )
    with_refinement(out, ROOT / "training/results/refinement.json")
    with_levels(out, ROOT / "training/results/refinement-levels.json")
    a.out.write_text(json.dumps(out, indent=1) + "\n")
    for name, row in out["differences"].items():
        print(f"{name:60}" + "  ".join(f"{k} {v['mean']:+.3f} ± {v['ci95']:.3f}" for k, v in row.items()))
    print(out["reading"])


if __name__ == "__main__":
    main()
