"""People of the ablations: those drivers learn from, with and without the distribution adjustment, and those who
judge."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..headmodel.model import HeadModel
from ..samples import HELD_OUT_SEED, pack, read_sample, write_sample
from ..synth.generator import Generator
from .captures import Capture, sample_capture
from .puppets import Puppeteer

FIRST_SEED = 600_000  # people whom the reconstructor does not know either
FIRST_JUDGE = HELD_OUT_SEED + 50_000
ARMS = ("adjusted", "plain")
EXPRESSIONS = ("position_maps", "deltas", "expressions", "poses")
PHOTO = ("photos", "anchors_in", "prior_in")


def both_arms(generator: Generator, seed: int, count: int, targets: bool) -> dict[str, dict]:
    """The same person and photo twice: with `count` expressions of the adjusted distribution, and as they come."""
    adjustment, out = generator.adjustment, {}
    for arm in ARMS:
        generator.adjustment = adjustment if arm == "adjusted" else None
        out[arm] = generator.sample(seed, 1, count, render_targets=targets)
    generator.adjustment = adjustment
    return out


def people(folder: Path, count: int, expressions: int) -> list[Path]:
    """Files of training people, made once: a photo, and EXPRESSIONS of both arms."""
    folder = folder / f"people-{expressions}"
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{FIRST_SEED + i}.npz" for i in range(count)]
    generator = None
    for i, file in enumerate(files):
        if not file.exists():
            generator = generator or Generator(HeadModel.load(), adjusted=True)
            arms = both_arms(generator, FIRST_SEED + i, expressions, False)
            kept = {key: arms["plain"][key] for key in PHOTO}
            for arm in ARMS:
                kept |= {f"{arm}_{key}": value for key, value in pack(arms[arm]).items() if key in EXPRESSIONS}
            write_sample(file, kept)
    return files


def judges(folder: Path, count: int, expressions: int) -> list[Capture]:
    """Held-out people, made once: a photo, and true pictures of `expressions` expressions of either arm, those as they
    come first."""
    folder = folder / f"judges-{expressions}"
    folder.mkdir(parents=True, exist_ok=True)
    generator, out = None, []
    for seed in range(FIRST_JUDGE, FIRST_JUDGE + count):
        files = {arm: folder / f"{seed}-{arm}.npz" for arm in ARMS}
        if not all(file.exists() for file in files.values()):
            generator = generator or Generator(HeadModel.load(), adjusted=True)
            for arm, sample in both_arms(generator, seed, expressions, True).items():
                write_sample(files[arm], sample)
        plain, adjusted = (sample_capture(read_sample(files[arm]), str(seed), 1) for arm in ("plain", "adjusted"))
        plain.shots.extend(adjusted.shots)
        out.append(plain)
    return out


class DriverData:
    """What a driver learns of some people behind a frozen reconstructor; kept in memory as float16. `arm`: one of
    ARMS."""

    def __init__(self, identity: list[Tensor], files: list[Path], arm: str):
        self.identity, self.owner, self.maps, self.deltas, self.coefficients = identity, [], [], [], []
        for person, file in enumerate(files):
            s = read_sample(file, tuple(f"{arm}_{key}" for key in EXPRESSIONS))
            for k in range(len(s[f"{arm}_deltas"])):
                self.owner.append(person)
                self.maps.append(torch.from_numpy(s[f"{arm}_position_maps"][k]).half())
                self.deltas.append(torch.from_numpy(s[f"{arm}_deltas"][k]).half())
                self.coefficients.append(
                    torch.from_numpy(np.r_[s[f"{arm}_expressions"][k], s[f"{arm}_poses"][k]]).float()
                )

    def batches(
        self, size: int, seed: int, people: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Identity features, position maps, deltas and coefficients of random expressions; of the first `people` alone
        if that is given."""
        rng, count = (
            np.random.default_rng(seed),
            len(self.owner) if people is None else sum(owner < people for owner in self.owner),
        )
        while True:
            pick = rng.choice(count, size)
            parts = (
                [self.identity[self.owner[i]] for i in pick],
                *([part[i] for i in pick] for part in (self.maps, self.deltas)),
            )
            yield *(torch.stack(part).float() for part in parts), torch.stack([self.coefficients[i] for i in pick])


def identities(model: Puppeteer, files: list[Path]) -> list[Tensor]:
    """Identity features [C,h,w] of the people, from their photo."""
    out = []
    for file in files:
        s = read_sample(file, PHOTO)
        out.append(model.make(s["photos"], s["anchors_in"], s["prior_in"]).identity[0].half())
    return out
