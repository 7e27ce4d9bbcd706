"""Trains the network: `python -m training.classes.train --steps 3000` (`--resume` goes on from the last checkpoint,
`--shipped` from the shipped weights).

Rate and picture size follow the steps, so that a busy machine makes it slower and not worse; every checkpoint can be
exported. Reads training/cache/classes (samples.py, also while it grows) and the labels of even portraits
(labels.py)."""

import argparse
import copy
import json
import math
import multiprocessing
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..synth.native import CACHE
from .dataset import Mixer, even
from .labels import load_portraits
from .network import ClassNetwork, Config, parameter_count
from .samples import FOLDER, load
from .shipped import load_shipped, widened
from .vocabulary import BACKGROUND, NAMES, UNKNOWN

RUN = CACHE.parent / "runs/classes"
CLASS_WEIGHT = (1.2, 1.0, 1.2, 1.0, 1.0)  # ours
ALPHA, GRADIENT, SURE, OVERLAP = 2.0, 1.0, 0.3, 1.0  # ours: weights of the losses beside that of the classes
LOADERS = 2
STATISTICS = 24  # batches that the shipped network's batch norms are counted on
RIM_WEIGHT = 3.0  # ours: what alpha between 0 and 1 counts more
SIZES = (
    (0.45, 128),
    (0.75, 192),
    (0.9, 256),
    (1.0, 320),
)  # ours: until which part of the steps pictures of how many pixels; coarse things are learned first
FINE = ((0.2, 256), (1.0, 320))  # ours: the same for a network that has learned the coarse things
DECAY = 0.98  # of the running mean of the weights; .998 lags behind the statistics of larger pictures: 60 % more error


def losses(
    logits: Tensor, alpha_logit: Tensor, label: Tensor, alpha: Tensor, trust: Tensor, sure: Tensor
) -> dict[str, Tensor]:
    """Terms by name. logits [B,5,S,S], alpha_logit [B,1,S,S]; label [B,S,S] with UNKNOWN, alpha, trust f32 [B,S,S],
    sure bool [B,S,S].

    Where alpha is between 0 and 1 the class is the part's with alpha and the background with the rest."""
    log = functional.log_softmax(logits.float(), 1)
    known = label != UNKNOWN
    part = torch.where(known, label, BACKGROUND).long()
    weight = torch.tensor(CLASS_WEIGHT)[part] * known
    mine = log.gather(1, part[:, None])[:, 0]
    share = torch.where(part == BACKGROUND, torch.ones_like(alpha), alpha)
    classes = -(weight * (share * mine + (1 - share) * log[:, BACKGROUND])).sum() / weight.sum().clamp(min=1)
    chance = log.exp() * known[:, None]
    truth = torch.stack([known & (label == k) for k in range(len(NAMES))], 1).float()
    both, seen = (chance * truth).sum((0, 2, 3)), truth.sum((0, 2, 3))
    # what is no intersection of the union, in the whole batch: small classes count as much as large ones
    missed = (1 - both / (chance.sum((0, 2, 3)) + seen - both).clamp(min=1)) * (seen > 0)
    overlap = missed.sum() / (seen > 0).sum().clamp(min=1)
    someone = (sure & ~known).float()
    other = torch.log1p(-log[:, BACKGROUND].exp().clamp(max=0.9999))
    person = -(someone * other).sum() / someone.numel()
    guess = torch.sigmoid(alpha_logit.float())[:, 0]
    rim = functional.max_pool2d(((alpha > 0.02) & (alpha < 0.98)).float()[:, None], 5, 1, 2)[:, 0]
    weight = trust * (1 + RIM_WEIGHT * rim)
    matte = (weight * (guess - alpha).abs()).sum() / weight.sum().clamp(min=1)
    steps = []
    for axis in (1, 2):
        both = torch.minimum(trust.narrow(axis, 1, trust.shape[axis] - 1), trust.narrow(axis, 0, trust.shape[axis] - 1))
        steps.append((both * (guess.diff(dim=axis) - alpha.diff(dim=axis)).abs()).sum() / both.sum().clamp(min=1))
    return {
        "classes": classes,
        "overlap": OVERLAP * overlap,
        "person": SURE * person,
        "alpha": ALPHA * matte,
        "gradient": GRADIENT * 5 * sum(steps),
    }


def produce(
    batches: multiprocessing.Queue, folder: Path, batch: int, seed: tuple[int, ...], size: multiprocessing.Value
) -> None:
    """A process that makes batches and takes in new shards; the last number of a batch is how many synthetic people it
    was drawn from."""
    torch.set_num_threads(1)
    known: set[str] = set()
    mixer = Mixer(load_portraits(even))
    rng, count = np.random.default_rng(seed), 0
    while True:
        if count % 100 == 0:
            mixer.synthetic += load(folder, known)
        count += 1
        pixels = size.value
        examples = [mixer.example(rng, pixels) for _ in range(batch)]
        arrays = [
            np.stack([getattr(e, name) for e in examples]) for name in ("image", "label", "alpha", "trust", "sure")
        ]
        batches.put((arrays, len(mixer.synthetic)))


def learning_rate(done: float, top: float) -> float:
    """`done` 0..1 of the steps: a short rise, then down along a cosine."""
    return top * min(1.0, done / 0.02 + 0.05) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def train(
    config: Config,
    steps: int,
    batch: int,
    top: float,
    resume: bool,
    minutes: float = math.inf,
    seed: int = 0,
    shipped: bool = False,
) -> None:
    """`minutes`: the schedule is through by then, with fewer steps. `shipped`: begins with the shipped weights, which
    may be of fewer channels than `config` wants.

    Writes RUN/last.pt every three minutes and a line per 25 steps to RUN/log.jsonl."""
    RUN.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    sizes = FINE if shipped else SIZES
    network = ClassNetwork(config)
    if shipped:
        mixer, rng = Mixer(load_portraits(even)), np.random.default_rng(seed)
        mixer.synthetic += load(FOLDER / "train", set())
        drawn = ([mixer.example(rng).image for _ in range(batch)] for _ in range(STATISTICS))
        network = widened(load_shipped(torch.from_numpy(np.stack(images)) for images in drawn), config)
    network = network.to(memory_format=torch.channels_last)
    mean = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(network.parameters(), lr=top, weight_decay=0.01)
    step = 0
    if resume:
        state = torch.load(RUN / "last.pt", weights_only=True)
        (
            network.load_state_dict(state["network"]),
            mean.load_state_dict(state["mean"]),
            optimizer.load_state_dict(state["optimizer"]),
        )
        step = state["step"]
    context = multiprocessing.get_context("spawn")
    batches, size = (
        context.Queue(6),
        context.Value("i", next(pixels for until, pixels in sizes if step < until * steps)),
    )
    loaders = [
        context.Process(target=produce, args=(batches, FOLDER / "train", batch, (seed, step, k), size), daemon=True)
        for k in range(LOADERS)
    ]
    for loader in loaders:
        loader.start()
    print(f"{parameter_count(network):,} parameters", flush=True)
    waiting = batches.get()
    batches.put(waiting)
    start, saved, sums, seen = time.monotonic(), time.monotonic(), {}, 0
    first = done = step / steps
    while done < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(done, top)
        size.value = next(pixels for until, pixels in sizes if done < until)
        arrays, synthetic = batches.get()
        image, label, alpha, trust, sure = (torch.from_numpy(a) for a in arrays)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, alpha_logit = network.train()(image.contiguous(memory_format=torch.channels_last))
        terms = losses(logits, alpha_logit, label, alpha, trust, sure)
        optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        step += 1
        done = max(step / steps, first + (1 - first) * (time.monotonic() - start) / (60 * minutes))
        follow(mean, network, min(DECAY, 1 - 1 / (step / 5 + 1)))
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + value.item()
        seen += 1
        if step % 25 == 0:
            line = {"step": step, "minutes": round((time.monotonic() - start) / 60, 2), "synthetic": synthetic} | {
                k: round(v / seen, 4) for k, v in sums.items()
            }
            with open(RUN / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            print(line, flush=True)
            sums, seen = {}, 0
        if time.monotonic() - saved > 180:
            save(network, mean, optimizer, config, step)
            saved = time.monotonic()
    for loader in loaders:
        loader.terminate()
    save(network, mean, optimizer, config, step)


@torch.no_grad()
def follow(mean: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    """The running mean of weights and statistics."""
    for own, new in zip(mean.state_dict().values(), network.state_dict().values()):
        if own.dtype.is_floating_point:
            own.lerp_(new, 1 - decay)
        else:
            own.copy_(new)


def save(network, mean, optimizer, config: Config, step: int) -> None:
    state = {"network": network.state_dict(), "mean": mean.state_dict(), "optimizer": optimizer.state_dict()}
    temporary = RUN / "last.part"
    torch.save(state | {"config": asdict(config), "names": list(NAMES), "step": step}, temporary)
    temporary.rename(RUN / "last.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="the schedule is through by then, with fewer steps"
    )
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--shipped", action="store_true", help="begin with the weights in assets/models/face")
    parser.add_argument("--widths", type=int, nargs=5, default=Config().widths, help="channels per level")
    arguments = parser.parse_args()
    train(
        Config(widths=tuple(arguments.widths)),
        arguments.steps,
        arguments.batch,
        arguments.rate,
        arguments.resume,
        arguments.minutes,
        shipped=arguments.shipped,
    )


if __name__ == "__main__":
    main()
