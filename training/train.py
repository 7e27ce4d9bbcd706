"""Train a model on cached synthetic samples, by wall clock: stage `uv` (losses in UV space), then `image` (splatted
views besides).

    python -m training.train --config nano-128 --minutes 85   # from the committed weights, or from scratch
    python -m training.train --config nano-128 --minutes 85 --resume   # go on from the last checkpoint
    python -m training.train --config nano-128 --minutes 30 --stage image
    python -m training.train --minutes 15 --stage image --warm-start last.pt --set static_lr=0   # the driver alone
    torchrun --nproc_per_node=8 -m training.train --config web-256 --minutes 600     # one rank per GPU

Writes training/runs/<config>/last.pt every two minutes and log.jsonl; can be stopped at any moment."""

import argparse
import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from .distributed import Ranks, ranks
from .headmodel.model import DEFAULT_PATH
from .image_stage import ImageStage
from .losses.image import ImageLossWeights
from .losses.uv import DELTA_GROUPS, LossWeights, delta_energy, delta_losses, static_losses, total
from .models.avatar import Avatar, ModelConfig
from .models.base_maps import mouth_map, surface_weight
from .samples import CACHE, Batches, claim

ROOT = Path(__file__).parents[1]
DRIVER_PARTS = ("driver.", "shown.")  # `shown` brings photo pixels to the driver and to nothing else


@dataclass(frozen=True)
class TrainConfig:
    batch: int = 4  # identities per step
    expressions: int = 1  # driver samples per identity
    photo_weights: tuple[float, ...] = (0.6, 0.2, 0.1, 0.1)  # how often 1, 2, 3, 4 photos
    lr: float = 1e-3
    driver_lr: float = 1.5  # times lr
    # of everything but the driver and `shown`, times lr; 0 leaves it as it is, its batch statistics too
    static_lr: float = 1.0
    final_lr: float = 2e-5
    warmup_steps: int = 200
    weight_decay: float = 0.01
    clip: float = 1.0  # gradient norm
    ema: float = 0.999
    checkpoint_seconds: float = 120
    evaluate_seconds: float = 180
    evaluate_identities: int = 12
    first_samples: int = 64  # training starts when the cache holds this many
    threads: int = 1
    seed: int = 0
    image_lr: float = 1e-4  # of the stage `image`
    anchor: float = 0.2  # weight of the UV losses in the stage `image`
    precision: str = "float32"  # of the networks: float32 | bfloat16 (photo coordinates stay in float32)


def load_settings(name: str) -> tuple[ModelConfig, TrainConfig, LossWeights, ImageLossWeights]:
    """The four sections of a config file; a missing section keeps the defaults."""
    values = json.loads((Path(__file__).parent / "configs" / f"{name.replace('-', '_')}.json").read_text())
    train = {k: tuple(v) if isinstance(v, list) else v for k, v in values.get("train", {}).items()}
    weights = LossWeights(**values.get("losses", {})), ImageLossWeights(**values.get("image_losses", {}))
    return ModelConfig.from_dict(values["model"]), TrainConfig(**train), *weights


def learning_rate(config: TrainConfig, step: int, progress: float) -> float:
    """Linear warm-up by steps, then cosine by wall clock; `progress` is 0..1."""
    warm = min(1.0, (step + 1) / config.warmup_steps)
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, progress))
    return warm * (config.final_lr + (config.lr - config.final_lr) * cosine)


def batch_losses(
    avatar: Avatar,
    batch: dict[str, Tensor],
    masks: dict[str, Tensor],
    weights: LossWeights,
    image: ImageStage | None = None,
) -> dict[str, Tensor]:
    """Every unweighted loss term of one batch (training/samples.py); `masks`: base_maps.py; `energy` sums what the
    driver explains."""
    reconstruction = avatar(batch["photos"], batch["anchors"], batch["prior"])
    terms = static_losses(reconstruction, batch, weights, masks)
    repeats = len(batch["deltas"]) // len(batch["photos"])
    delta = avatar.drive_small(reconstruction.identity_features.repeat_interleave(repeats, 0), batch["position_maps"])
    if "energy" in masks:
        masks["energy"] += delta_energy(delta, batch["deltas"], masks["parts"])
    terms |= delta_losses(delta, batch["deltas"], masks, weights)
    return terms | image.terms(reconstruction, delta, batch) if image else terms


def in_float32(function: Callable, device: torch.device) -> Callable:
    """`function` of tensors, kept out of autocast: a bfloat16 coordinate would be off by half a pixel."""

    def exact(*tensors: Tensor):
        with torch.autocast(device.type, enabled=False):
            return function(*(tensor.float() for tensor in tensors))

    return exact


class Objective(nn.Module):
    """The losses of a batch as a module, which is what data parallelism wraps."""

    def __init__(self, trainer: "Trainer"):
        super().__init__()
        self.avatar, self.trainer = trainer.avatar, [trainer]  # in a list: a trainer is no submodule

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Unweighted terms."""
        (t,) = self.trainer
        with torch.autocast(t.ranks.device.type, torch.bfloat16, enabled=t.config.precision == "bfloat16"):
            return batch_losses(self.avatar, batch, t.masks, t.weights, t.image)


ALONE = Ranks(0, 1, torch.device("cpu"))


class Trainer:
    """Model, its moving average, optimiser and clock. `step` does one update; `save` and `resume` keep everything."""

    def __init__(
        self,
        model: ModelConfig,
        config: TrainConfig,
        weights: LossWeights,
        masks: dict[str, Tensor],
        among: Ranks = ALONE,
        image_weights: ImageLossWeights | None = None,
    ):
        torch.manual_seed(config.seed)
        self.config, self.weights, self.ranks = config, weights, among
        masks = masks | {"surface": surface_weight(model.map_size), "mouth": mouth_map(model.map_size)}
        self.masks = {name: mask.to(among.device) for name, mask in masks.items()}
        self.avatar = Avatar(model).to(among.device)
        self.image = ImageStage(self.avatar, image_weights, among.device) if image_weights else None
        self.average = copy.deepcopy(self.avatar).eval().requires_grad_(False)
        if config.precision == "bfloat16" and self.avatar.pixel_skip is not None:
            self.avatar.pixel_skip.locate = in_float32(self.avatar.pixel_skip.locate, among.device)
        driver, rest = [], []
        for name, parameter in self.avatar.named_parameters():
            (driver if name.startswith(DRIVER_PARTS) else rest).append(parameter)
        if config.static_lr == 0:
            for parameter in rest:
                parameter.requires_grad_(False)
        # the two losses have nothing to do with each other: each has its own gradient norm
        self.clipped = (rest, driver)
        groups = [
            {
                "params": [p for p in part if (p.dim() > 1) == decayed],
                "weight_decay": config.weight_decay if decayed else 0.0,
                "rate": rate,
            }
            for part, rate in ((rest, config.static_lr), (driver, config.driver_lr))
            for decayed in (True, False)
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98))
        self.objective = among.parallel(Objective(self))
        self.steps, self.warm_from, self.elapsed, self.metrics = 0, 0, 0.0, {}

    def adopt(self) -> None:
        """Restart the moving average from the model."""
        self.average.load_state_dict(self.avatar.state_dict())

    def step(self, batch: dict[str, Tensor], progress: float) -> dict[str, float]:
        self.avatar.train(self.config.static_lr > 0)
        self.avatar.driver.train()
        rate = learning_rate(self.config, self.steps - self.warm_from, progress) * (
            self.config.image_lr / self.config.lr if self.image else 1
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["rate"]
        terms = self.objective({name: value.to(self.ranks.device, non_blocking=True) for name, value in batch.items()})
        loss = self.weighted(terms)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norms = [torch.nn.utils.clip_grad_norm_(part, self.config.clip) for part in self.clipped]
        if all(torch.isfinite(norm) for norm in norms):
            self.optimizer.step()
        self.steps += 1
        self._update_average()
        return {
            "total": loss.item(),
            "gradient": norms[0].item(),
            "driver_gradient": norms[1].item(),
            **{k: v.item() for k, v in terms.items()},
        }

    def weighted(self, terms: dict[str, Tensor]) -> Tensor:
        """The loss: UV terms, in the stage `image` as an anchor beside the image terms."""
        if self.image is None:
            return total(terms, self.weights)
        names = asdict(self.image.weights)
        pictures = {name: value for name, value in terms.items() if name in names}
        anchors = {name: value for name, value in terms.items() if name not in names}
        return total(pictures, self.image.weights) + self.config.anchor * total(anchors, self.weights)

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.config.ema, (1 + self.steps - self.warm_from) / (10 + self.steps - self.warm_from))
        for mine, theirs in zip(self.average.state_dict().values(), self.avatar.state_dict().values()):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - keep)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.average.state_dict(),  # what is released
            "training": self.avatar.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.steps,
            "elapsed": self.elapsed,
            "metrics": self.metrics,
        }
        temporary = path.with_suffix(".part")
        torch.save(state, temporary)
        temporary.rename(path)

    def warm_start(self, path: Path) -> int:
        """Take what fits by name and shape from a checkpoint of a smaller model; returns how many tensors keep their
        fresh values. What stays as it is is what is released: the moving average."""
        state = torch.load(path, weights_only=True, map_location=self.ranks.device)
        source = state["training"] if self.config.static_lr > 0 else state["model"]
        for mine, theirs in ((self.avatar, source), (self.average, state["model"])):
            own = mine.state_dict()
            fitting = {k: v for k, v in theirs.items() if k in own and own[k].shape == v.shape}
            mine.load_state_dict({**own, **fitting})
        self.steps = self.warm_from = state["step"]
        return len(own) - len(fitting)

    def resume(self, path: Path) -> None:
        state = torch.load(path, weights_only=True, map_location=self.ranks.device)
        self.avatar.load_state_dict(state["training"])
        self.average.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.elapsed, self.metrics = state["step"], state["elapsed"], state["metrics"]


def start(
    trainer: Trainer, batches: Batches, model: ModelConfig, resume: Path | None, from_scratch: bool, warm: Path | None
) -> str:
    """Initial weights: checkpoint, committed weights, or none. Returns which."""
    from .export.load_weights import load_released, unfold_batch_norm
    from .models.base_maps import set_base_maps, set_head_maps

    if resume:
        trainer.resume(resume)
        return "checkpoint"
    if warm:
        fresh = trainer.warm_start(warm)
        for avatar in (trainer.avatar, trainer.average):
            set_head_maps(avatar)
        return f"{warm.name}, {fresh} tensors fresh"
    manifest = json.loads((ROOT / "assets/models/models.json").read_text())["models"].get(model.name, {"step": 0})
    if manifest["step"] and not from_scratch:
        load_released(trainer.avatar, ROOT / "assets/models" / model.name, may_lack=True)
        set_head_maps(trainer.avatar)
        batch = {name: value.to(trainer.ranks.device) for name, value in batches.take().items()}
        unfold_batch_norm(trainer.avatar, lambda: batch_losses(trainer.avatar, batch, trainer.masks, trainer.weights))
        trainer.steps = trainer.warm_from = manifest["step"]
    else:
        set_base_maps(trainer.avatar, batches)
    trainer.adopt()
    return "released weights" if manifest["step"] and not from_scratch else "scratch"


@dataclass(frozen=True)
class Run:
    """What the command line says."""

    config: str = "nano-128"
    stage: str = "uv"
    minutes: float = 85
    resume: bool = False
    from_scratch: bool = False
    cache: Path = CACHE
    out: Path | None = None
    warm_start: Path | None = None
    set: tuple[str, ...] = ()


def overridden(configs: tuple, words: tuple[str, ...]) -> tuple:
    """`name=value` words over the sections of a config file. Raises ValueError for a name that none has or a value that
    does not fit."""
    for word in words:
        name, _, value = word.partition("=")
        if not any(hasattr(config, name) for config in configs):
            raise ValueError(
                f"--set {word}: no such setting; there are "
                f"{', '.join(name for config in configs for name in asdict(config))}"
            )
        configs = tuple(_replaced(config, name, value) if hasattr(config, name) else config for config in configs)
    return configs


def _replaced(config, name: str, value: str):
    kind = type(getattr(type(config), name))  # the default's: a file may say 1 for 1.0
    return replace(config, **{name: tuple(float(v) for v in value.split(",")) if kind is tuple else kind(value)})


def run(settings: Run, among: Ranks = ALONE) -> None:
    from .evaluate.held_out import HeldOut
    from .models.base_maps import DELTA_REGIONS, driver_masks

    model, config, weights, image_weights = load_settings(settings.config)
    config, weights, image_weights = overridden((config, weights, image_weights), settings.set)
    if settings.stage != "image":
        image_weights = None
    torch.set_num_threads(config.threads)
    folder = settings.cache / ("views" if image_weights else "train")
    for part in (folder, settings.cache / "held-out"):
        claim(part, DEFAULT_PATH)
    seed = config.seed + int(among.agree(time.time())) % 65536 + 1009 * among.rank
    batches = Batches(folder, config.batch, config.photo_weights, config.expressions, seed, views=bool(image_weights))
    batches.wait_for(config.first_samples)
    masks = driver_masks(model.position_map_size, torch.cat([batches.take()["deltas"] for _ in range(32)]))
    masks["energy"] = torch.zeros(2, len(DELTA_GROUPS), len(DELTA_REGIONS))
    trainer = Trainer(model, config, weights, masks, among, image_weights)
    out = settings.out or ROOT / "training/runs" / settings.config
    last = out / "last.pt"
    origin = start(
        trainer, batches, model, last if settings.resume else None, settings.from_scratch, settings.warm_start
    )
    held_out = HeldOut(settings.cache / "held-out", config.evaluate_identities) if among.leads else None
    out.mkdir(parents=True, exist_ok=True)
    log = open(out / "log.jsonl", "a") if among.leads else None

    def report(**values) -> None:
        if log:
            log.write(json.dumps(values) + "\n")
            log.flush()
            print(
                " ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items()), flush=True
            )

    def evaluate() -> None:
        if held_out:
            average = copy.deepcopy(trainer.average).cpu()
            trainer.metrics = held_out.evaluate(average) | {
                "four": held_out.evaluate(average, photos=4)["novel_view_psnr"]
            }
            report(event="held-out", step=trainer.steps, elapsed=round(trainer.elapsed), **trainer.metrics)

    report(
        event="start",
        origin=origin,
        stage=settings.stage,
        step=trainer.steps,
        minutes=settings.minutes,
        ranks=among.world,
        device=among.device.type,
        config=asdict(config),
        losses=asdict(weights) | (asdict(image_weights) if image_weights else {}),
    )
    clock = saved = evaluated = printed = time.monotonic()
    sums: dict[str, float] = {}
    count = 0
    while among.agree(trainer.elapsed) < settings.minutes * 60:
        for key, value in trainer.step(batches.take(), trainer.elapsed / (settings.minutes * 60)).items():
            sums[key] = sums.get(key, 0.0) + value
        count += 1
        now = time.monotonic()
        trainer.elapsed += now - clock
        clock = now
        if now - printed > 30:
            means = {key: value / count for key, value in sums.items()}
            energy = trainer.masks["energy"]
            share = (1 - energy[0] / energy[1].clamp(min=1e-12)).clamp(min=-1)
            explained = {
                g: dict(zip(DELTA_REGIONS, [round(v, 3) for v in row])) for g, row in zip(DELTA_GROUPS, share.tolist())
            }
            energy.zero_()
            rates = {"rate": trainer.optimizer.param_groups[0]["lr"], "cached": len(batches.files)}
            report(
                event="train", step=trainer.steps, elapsed=round(trainer.elapsed), **rates, **means, explained=explained
            )
            printed, sums, count = now, {}, 0
        if now - evaluated > config.evaluate_seconds:
            evaluate()
            evaluated = time.monotonic()
        if among.leads and now - saved > config.checkpoint_seconds:
            trainer.save(last)
            saved = now
    evaluate()
    if among.leads:
        trainer.save(last)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default=Run.config)
    parser.add_argument("--stage", choices=("uv", "image"), default=Run.stage)
    parser.add_argument("--minutes", type=float, default=Run.minutes)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--from-scratch", action="store_true", help="ignore the committed weights")
    parser.add_argument("--warm-start", type=Path, help="checkpoint of a smaller model: take what fits")
    parser.add_argument("--cache", type=Path, default=Run.cache)
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the config's sections `train`, `losses`, `image_losses`",
    )
    with ranks() as among:
        run(Run(**vars(parser.parse_args())), among)


if __name__ == "__main__":
    main()
