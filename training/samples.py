"""Samples between the synthetic generator and the trainer: a disk cache, filled by a producer process, and batches read
from it.

A sample is a dict of float32 arrays for ONE identity (N photos, K expressions):
photos [N,3,256,256] · anchors_true, anchors_in [N,3,64,64] (x, y in 0..1, visible or confidence)
prior_in [4,64,64] (offset / 0.02 m, valid) · static [14,256,256] (neutral pose, colors as photo 0's camera shows them)
photo_tones [N,4] (gains of red, green, blue, contrast: synth/lighting.py "Tone"); what is to be predicted of some
photos are the colors in their mean tone, which does not depend on their order
valid, seen [256,256] · position_maps [K,3,128,128] · deltas [K,14,128,128];
held-out samples also carry targets [K,3,256,256], target_masks [K,256,256], cameras, expressions, poses.

    python -m training.samples --count 4000
"""

import argparse
import hashlib
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .synth.lighting import Tone, mean_tone

CACHE = Path(__file__).parent / "cache" / "v2"
HELD_OUT_SEED = 10_000_000  # seeds from here on are never trained on
BYTES = ("photos", "valid", "seen", "targets", "target_masks")  # stored as 8 bit
EXACT = ("expressions", "poses", "photo_tones")  # stored as float32
# what the image stage needs beside the rest
VIEW_KEYS = ("targets", "target_masks", "cameras_R", "cameras_t", "cameras_f", "expressions", "poses")
PHOTO_COUNTS = (0.3, 0.2, 0.1, 0.4)  # how often a cached identity has 1, 2, 3, 4 photos


def pack(sample: dict) -> dict[str, np.ndarray]:
    """Compact storage: nested dicts flattened, deltas halved to the position map's size, images and masks 8 bit,
    cameras and coefficients float32, everything else float16."""
    packed = {}
    for key, value in sample.items():
        if isinstance(value, dict):
            packed |= {f"{key}_{name}": np.asarray(part, np.float32) for name, part in value.items()}
            continue
        value = np.asarray(value, np.float32)
        if key == "deltas" and value.shape[-1] == 2 * sample["position_maps"].shape[-1]:
            value = value.reshape(*value.shape[:2], value.shape[2] // 2, 2, value.shape[3] // 2, 2).mean((3, 5))
        if key in BYTES:
            packed[key] = np.round(np.clip(value, 0, 1) * 255).astype(np.uint8)
        else:
            packed[key] = value if key in EXACT else value.astype(np.float16)
    return packed


def unpack(stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {k: v.astype(np.float32) / 255 if v.dtype == np.uint8 else v.astype(np.float32) for k, v in stored.items()}


def write_sample(path: Path, sample: dict) -> None:
    """Atomic: a reader never sees half a file."""
    temporary = path.with_suffix(".part")
    with open(temporary, "wb") as file:
        np.savez(file, **pack(sample))
    temporary.rename(path)


def read_sample(path: Path, keys: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """One sample as float32; only `keys` when given. Cameras are `cameras_R`, `cameras_t`, `cameras_f`."""
    with np.load(path) as stored:
        return unpack({k: stored[k] for k in keys or stored.files})


def photo_count_of(path: Path) -> int:
    """Files are named `<seed>_n<photos>.npz`."""
    return int(path.stem.rsplit("_n", 1)[1])


def geometry_hash(head_file: Path) -> str:
    """SHA-256 over what samples depend on: every array of a head model file but the landmark embeddings."""
    from .headmodel import asset_file

    digest = hashlib.sha256()
    for name, array in sorted(asset_file.read(head_file)[1].items()):
        if not name.startswith(("landmark68", "mediaPipe")):
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def claim(folder: Path, head_file: Path) -> None:
    """Tie a cache folder to the head model its samples were made with; raises ValueError when it belongs to another
    one."""
    mark, wanted = folder / "geometry.sha256", geometry_hash(head_file)
    folder.mkdir(parents=True, exist_ok=True)
    if mark.exists() and mark.read_text().strip() != wanted:
        raise ValueError(
            f"{folder} holds samples of another head model: delete it and run `python -m training.samples`"
        )
    if not mark.exists():  # another producer may be reading it
        mark.write_text(wanted + "\n")


def fill_gutter(anchors: np.ndarray, steps: int = 2) -> np.ndarray:
    """Copy photo coordinates into empty neighbours of visible texels, `steps` texels far, [n,3,a,a]. Visibility stays
    as it was.

    The network's coordinates are resized bilinearly, so texels just outside a chart take part in the chart's edge.
    """
    xy, known = anchors[:, :2].copy(), anchors[:, 2] > 0.5
    for _ in range(steps):
        total, count = np.zeros_like(xy), np.zeros(known.shape, np.float32)
        for axis, shift in ((1, 1), (1, -1), (2, 1), (2, -1)):
            moved = np.roll(known, shift, axis)
            count += moved
            total += np.roll(xy, shift, axis + 1) * np.roll(known, shift, axis)[:, None]
        fresh = ~known & (count > 0)
        xy = np.where(fresh[:, None], total / np.maximum(count, 1)[:, None], xy)
        known = known | fresh
    return np.concatenate([xy, known[:, None].astype(np.float32)], axis=1)


def retoned(colors: np.ndarray, before: np.ndarray, after: np.ndarray, steps: int = 512) -> np.ndarray:
    """Colors [3,h,w] of a picture in the tone `before` [4], as the tone `after` [4] shows them."""
    x = np.linspace(0, 1, steps, dtype=np.float32)
    table = Tone.of(after).encode(Tone.of(before).decode(np.stack([x, x, x], 1))).T
    return np.stack([np.interp(c, x, t).astype(np.float32) for c, t in zip(colors, table)])


def in_mean_tone(sample: dict[str, np.ndarray], pick: np.ndarray) -> dict[str, np.ndarray]:
    """The sample with every true color (static, deltas, targets) in the mean tone of the photos `pick`."""
    before, after = sample["photo_tones"][0], mean_tone(sample["photo_tones"][pick])
    if np.allclose(before, after):
        return sample
    change = lambda colors: retoned(colors, before, after)
    out = dict(sample)
    rest = sample["static"][4:7]
    out["static"] = sample["static"].copy()
    out["static"][4:7] = change(rest)
    if "deltas" in sample:
        factor = rest.shape[-1] // sample["deltas"].shape[-1]
        rest = rest.reshape(3, rest.shape[1] // factor, factor, -1, factor).mean((2, 4))
        out["deltas"] = sample["deltas"].copy()
        out["deltas"][:, 4:7] = [np.where(d != 0, change(rest + d) - change(rest), 0) for d in sample["deltas"][:, 4:7]]
    if "targets" in sample:
        mask = sample["target_masks"][:, None]
        gray = 0.5 * (1 - mask)  # the background of all targets keeps its tone
        head = (sample["targets"] - gray) / np.maximum(mask, 1e-3)
        out["targets"] = np.stack([change(t) for t in head.clip(0, 1)]) * mask + gray
    return out


def make_batch(
    samples: list[dict[str, np.ndarray]], photo_count: int, expressions: int, rng: np.random.Generator
) -> dict[str, Tensor]:
    """Stack identities: photo 0 (whose lighting the colors are in) and `photo_count - 1` others; `expressions` random
    expressions each.

    Returns photos, anchors_true, anchors_near (gutter filled), anchors, prior, static, valid, seen, position_maps,
    deltas as tensors; the last two are flat over identities and expressions, as are the views of VIEW_KEYS if the
    samples have them. `seen` counts only the photos that were picked.
    """
    rows = []
    for sample in samples:
        others = rng.permutation(np.arange(1, len(sample["photos"])))[: photo_count - 1]
        pick = np.concatenate([[0], others]).astype(int)
        sample = in_mean_tone(sample, pick)
        frames = rng.permutation(len(sample["deltas"]))[:expressions]
        true = sample["anchors_true"][pick]
        seen = true[:, 2].max(axis=0)
        scale = sample["valid"].shape[-1] // seen.shape[-1]
        rows.append(
            {
                "photos": sample["photos"][pick],
                "anchors_true": true,
                "anchors_near": fill_gutter(true),
                "anchors": sample["anchors_in"][pick],
                "prior": sample["prior_in"],
                "static": sample["static"],
                "valid": sample["valid"][None],
                "seen": seen.repeat(scale, 0).repeat(scale, 1)[None],
                "position_maps": sample["position_maps"][frames],
                "deltas": sample["deltas"][frames],
            }
        )
        rows[-1] |= {key: sample[key][frames] for key in VIEW_KEYS if key in sample}
    batch = {key: torch.from_numpy(np.stack([row[key] for row in rows])) for key in rows[0]}
    for key in ("position_maps", "deltas", *VIEW_KEYS):
        if key in batch:
            batch[key] = batch[key].flatten(0, 1)
    return batch


class Batches:
    """Endless random batches from the cache; the next one is read in a thread while the trainer computes. New files
    join as they come."""

    USED = (
        "photos",
        "photo_tones",
        "anchors_true",
        "anchors_in",
        "prior_in",
        "static",
        "valid",
        "position_maps",
        "deltas",
    )

    def __init__(
        self,
        folder: Path,
        size: int,
        photo_weights: tuple[float, ...],
        expressions: int,
        seed: int,
        views: bool = False,
    ):
        self.folder, self.size, self.photo_weights, self.expressions = folder, size, photo_weights, expressions
        self.rng = np.random.default_rng(seed)
        self.keys = self.USED + VIEW_KEYS if views else self.USED
        self.files: list[Path] = []
        self.scanned = 0.0
        self.reader = ThreadPoolExecutor(1)
        self.next: Future | None = None

    def wait_for(self, count: int, timeout: float = 3600) -> None:
        """Block until the cache holds `count` samples; raises TimeoutError."""
        start = time.monotonic()
        while len(self._scan(force=True)) < count:
            if time.monotonic() - start > timeout:
                raise TimeoutError(
                    f"{self.folder} has {len(self.files)} samples, {count} wanted: run `python -m training.samples`"
                )
            time.sleep(2)

    def _scan(self, force: bool = False) -> list[Path]:
        if force or time.monotonic() - self.scanned > 20:
            self.files = sorted(self.folder.glob("*.npz"))
            self.scanned = time.monotonic()
        return self.files

    def _read(self) -> dict[str, Tensor]:
        weights = np.array(self.photo_weights)
        count = int(1 + self.rng.choice(len(weights), p=weights / weights.sum()))
        files = [f for f in self._scan() if photo_count_of(f) >= count]
        picks = self.rng.choice(len(files), self.size, replace=len(files) < self.size)
        try:
            samples = [read_sample(files[i], self.keys) for i in picks]
        except FileNotFoundError:  # samples may be thrown away while training runs
            self._scan(force=True)
            return self._read()
        return make_batch(samples, count, self.expressions, self.rng)

    def take(self) -> dict[str, Tensor]:
        batch = self.next.result() if self.next else self._read()
        self.next = self.reader.submit(self._read)
        return batch


def produce(
    folder: Path, first_seed: int, count: int, photos: int | None = None, targets: bool = False, adjusted: bool = False
) -> None:
    """Fill `folder` with samples of seeds first_seed .. first_seed + count - 1, skipping those already there."""
    from .headmodel.model import DEFAULT_PATH, HeadModel
    from .synth.generator import Generator

    claim(folder, DEFAULT_PATH)
    # held-out expressions and views stay as they come; training sees more of the back, which is what one photo tells
    # least of
    generator = Generator(HeadModel.load(), adjusted=adjusted, around=0.4 if adjusted else 0.2)
    start, made = time.monotonic(), 0
    for seed in range(first_seed, first_seed + count):
        number = photos or int(1 + np.random.default_rng(seed).choice(4, p=PHOTO_COUNTS))
        path = folder / f"{seed:08d}_n{number}.npz"
        if path.exists():
            continue
        write_sample(path, generator.sample(seed, number, target_count=2, render_targets=targets))
        made += 1
        if made % 50 == 0:
            print(f"{made} samples, {made / (time.monotonic() - start):.2f} per second", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill the sample cache.")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--held-out", type=int, default=32, help="held-out identities, made first")
    parser.add_argument(
        "--views",
        action="store_true",
        help="also render the views that the image stage compares with, into the folder `views`",
    )
    arguments = parser.parse_args()
    if arguments.first_seed + arguments.count > HELD_OUT_SEED:
        parser.error(f"training seeds stay below {HELD_OUT_SEED}")
    produce(arguments.cache / "held-out", HELD_OUT_SEED, arguments.held_out, photos=4, targets=True)
    folder = arguments.cache / ("views" if arguments.views else "train")
    produce(folder, arguments.first_seed, arguments.count, targets=arguments.views, adjusted=True)


if __name__ == "__main__":
    main()
