"""Train a model on cached synthetic samples with UV-space losses, by wall clock.

    python -m training.train --config nano-128 --minutes 85              # from the committed weights, or from scratch if they are untrained
    python -m training.train --config nano-128 --minutes 85 --resume     # go on from the last checkpoint, optimiser included

Writes training/runs/<config>/last.pt every two minutes and log.jsonl; can be stopped at any moment."""

import argparse
import copy
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from .headmodel.model import DEFAULT_PATH
from .losses.uv import DELTA_GROUPS, LossWeights, delta_energy, delta_losses, static_losses, total
from .models.avatar import Avatar, ModelConfig
from .samples import CACHE, Batches, claim

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class TrainConfig:
    batch: int = 4  # identities per step
    expressions: int = 1  # driver samples per identity
    photo_weights: tuple[float, ...] = (0.6, 0.2, 0.1, 0.1)  # how often 1, 2, 3, 4 photos
    lr: float = 1e-3
    driver_lr: float = 1.5  # times lr
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


def load_settings(name: str) -> tuple[ModelConfig, TrainConfig, LossWeights]:
    """The three sections of a config file; a missing section keeps the defaults."""
    values = json.loads((Path(__file__).parent / "configs" / f"{name.replace('-', '_')}.json").read_text())
    train = {k: tuple(v) if isinstance(v, list) else v for k, v in values.get("train", {}).items()}
    return ModelConfig.from_dict(values["model"]), TrainConfig(**train), LossWeights(**values.get("losses", {}))


def learning_rate(config: TrainConfig, step: int, progress: float) -> float:
    """Linear warm-up by steps, then cosine by wall clock; `progress` is 0..1."""
    warm = min(1.0, (step + 1) / config.warmup_steps)
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, progress))
    return warm * (config.final_lr + (config.lr - config.final_lr) * cosine)


def batch_losses(avatar: Avatar, batch: dict[str, Tensor], masks: dict[str, Tensor], weights: LossWeights) -> dict[str, Tensor]:
    """Every unweighted loss term of one batch (training/samples.py); `masks`: base_maps.py; `energy` sums what the driver explains."""
    reconstruction = avatar(batch["photos"], batch["anchors"], batch["prior"])
    terms = static_losses(reconstruction, batch, weights)
    repeats = len(batch["deltas"]) // len(batch["photos"])
    delta = avatar.drive_small(reconstruction.identity_features.repeat_interleave(repeats, 0), batch["position_maps"])
    if "energy" in masks:
        masks["energy"] += delta_energy(delta, batch["deltas"], masks["parts"])
    return terms | delta_losses(delta, batch["deltas"], masks, weights)


class Trainer:
    """Model, its moving average, optimiser and clock. `step` does one update; `save` and `resume` keep everything."""

    def __init__(self, model: ModelConfig, config: TrainConfig, weights: LossWeights, masks: dict[str, Tensor]):
        torch.manual_seed(config.seed)
        self.config, self.weights, self.masks = config, weights, masks
        self.avatar = Avatar(model)
        self.average = copy.deepcopy(self.avatar).eval().requires_grad_(False)
        driver = list(self.avatar.driver.parameters())
        rest = [p for name, p in self.avatar.named_parameters() if not name.startswith("driver.")]
        self.clipped = (rest, driver)  # the two losses have nothing to do with each other: each has its own gradient norm
        groups = [
            {"params": [p for p in part if (p.dim() > 1) == decayed], "weight_decay": config.weight_decay if decayed else 0.0, "rate": rate}
            for part, rate in ((rest, 1.0), (driver, config.driver_lr))
            for decayed in (True, False)
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98))
        self.steps, self.warm_from, self.elapsed, self.metrics = 0, 0, 0.0, {}

    def adopt(self) -> None:
        """Restart the moving average from the model."""
        self.average.load_state_dict(self.avatar.state_dict())

    def step(self, batch: dict[str, Tensor], progress: float) -> dict[str, float]:
        self.avatar.train()
        rate = learning_rate(self.config, self.steps - self.warm_from, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["rate"]
        terms = batch_losses(self.avatar, batch, self.masks, self.weights)
        loss = total(terms, self.weights)
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
        """Take what fits by name and shape from a checkpoint of a smaller model; returns how many tensors keep their fresh values."""
        state = torch.load(path, weights_only=True)
        for mine, theirs in ((self.avatar, state["training"]), (self.average, state["model"])):
            own = mine.state_dict()
            fitting = {k: v for k, v in theirs.items() if k in own and own[k].shape == v.shape}
            mine.load_state_dict({**own, **fitting})
        self.steps = self.warm_from = state["step"]
        return len(own) - len(fitting)

    def resume(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.avatar.load_state_dict(state["training"])
        self.average.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.elapsed, self.metrics = state["step"], state["elapsed"], state["metrics"]


def start(trainer: Trainer, batches: Batches, model: ModelConfig, resume: Path | None, from_scratch: bool, warm: Path | None) -> str:
    """Initial weights: checkpoint, committed weights, or none. Returns which."""
    from .export.load_weights import load_released, unfold_batch_norm
    from .models.base_maps import set_base_maps

    if resume:
        trainer.resume(resume)
        return "checkpoint"
    if warm:
        return f"{warm.name}, {trainer.warm_start(warm)} tensors fresh"
    manifest = json.loads((ROOT / "assets/models/models.json").read_text())["models"].get(model.name, {"step": 0})
    if manifest["step"] and not from_scratch:
        load_released(trainer.avatar, ROOT / "assets/models" / model.name, may_lack=True)
        batch = batches.take()
        unfold_batch_norm(trainer.avatar, lambda: batch_losses(trainer.avatar, batch, trainer.masks, trainer.weights))
        trainer.steps = trainer.warm_from = manifest["step"]
    else:
        set_base_maps(trainer.avatar, batches)
    trainer.adopt()
    return "released weights" if manifest["step"] and not from_scratch else "scratch"


def run(name: str, minutes: float, resume: bool, from_scratch: bool, cache: Path, out: Path, warm: Path | None = None) -> None:
    from .evaluate.held_out import HeldOut
    from .models.base_maps import DELTA_REGIONS, driver_masks

    model, config, weights = load_settings(name)
    torch.set_num_threads(config.threads)
    for part in ("train", "held-out"):
        claim(cache / part, DEFAULT_PATH)
    batches = Batches(cache / "train", config.batch, config.photo_weights, config.expressions, config.seed + int(time.time()) % 65536)
    batches.wait_for(config.first_samples)
    masks = driver_masks(model.position_map_size, torch.cat([batches.take()["deltas"] for _ in range(32)]))
    masks["energy"] = torch.zeros(2, len(DELTA_GROUPS), len(DELTA_REGIONS))
    trainer = Trainer(model, config, weights, masks)
    last = out / "last.pt"
    origin = start(trainer, batches, model, last if resume else None, from_scratch, warm)
    held_out = HeldOut(cache / "held-out", config.evaluate_identities)
    out.mkdir(parents=True, exist_ok=True)
    log = open(out / "log.jsonl", "a")

    def report(**values) -> None:
        log.write(json.dumps(values) + "\n")
        log.flush()
        print(" ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items()), flush=True)

    report(event="start", origin=origin, step=trainer.steps, minutes=minutes, **{"config": asdict(config), "losses": asdict(weights)})
    clock = saved = evaluated = printed = time.monotonic()
    sums: dict[str, float] = {}
    count = 0
    while trainer.elapsed < minutes * 60:
        for key, value in trainer.step(batches.take(), trainer.elapsed / (minutes * 60)).items():
            sums[key] = sums.get(key, 0.0) + value
        count += 1
        now = time.monotonic()
        trainer.elapsed += now - clock
        clock = now
        if now - printed > 30:
            means = {key: value / count for key, value in sums.items()}
            share = (1 - masks["energy"][0] / masks["energy"][1].clamp(min=1e-12)).clamp(min=-1)
            explained = {g: dict(zip(DELTA_REGIONS, [round(v, 3) for v in row])) for g, row in zip(DELTA_GROUPS, share.tolist())}
            masks["energy"].zero_()
            rates = {"rate": trainer.optimizer.param_groups[0]["lr"], "cached": len(batches.files)}
            report(event="train", step=trainer.steps, elapsed=round(trainer.elapsed), **rates, **means, explained=explained)
            printed, sums, count = now, {}, 0
        if now - evaluated > config.evaluate_seconds:
            trainer.metrics = held_out.evaluate(trainer.average) | {"four": held_out.evaluate(trainer.average, photos=4)["novel_view_psnr"]}
            report(event="held-out", step=trainer.steps, elapsed=round(trainer.elapsed), **trainer.metrics)
            evaluated = time.monotonic()
        if now - saved > config.checkpoint_seconds:
            trainer.save(last)
            saved = now
    trainer.metrics = held_out.evaluate(trainer.average)
    report(event="held-out", step=trainer.steps, elapsed=round(trainer.elapsed), **trainer.metrics)
    trainer.save(last)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="nano-128")
    parser.add_argument("--minutes", type=float, default=85)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--from-scratch", action="store_true", help="ignore the committed weights")
    parser.add_argument("--warm-start", type=Path, help="checkpoint of a smaller model: take what fits")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    run(a.config, a.minutes, a.resume, a.from_scratch, a.cache, a.out or ROOT / "training/runs" / a.config, a.warm_start)


if __name__ == "__main__":
    main()
