"""Tar shards of frames, for recordings too large for folders: `<subject>/<timestep>_<view>.jpg`, `.mask.png` and
`.json` side by side.

The layout of WebDataset, which can read them too. Ranks share the shards out; a run is resumed by the number of shards
done."""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from .frames import Frame

FIELDS = ("intrinsics", "R", "t", "expression", "pose")


def write_shard(path: Path, frames: Iterable[Frame], quality: int = 95) -> int:
    """Write frames to one tar; returns how many. Frames of one subject should lie together."""
    count = 0
    with tarfile.open(path, "w") as tar:
        for frame in frames:
            stem = f"{frame.subject}/{frame.timestep:06d}_{frame.view:02d}"
            picture, mask = frame.load()
            values = {"subject": frame.subject, "timestep": frame.timestep, "view": frame.view}
            values |= {name: np.asarray(getattr(frame, name), np.float64).tolist() for name in FIELDS}
            _add(tar, f"{stem}.jpg", _encoded(picture, format="JPEG", quality=quality))
            _add(tar, f"{stem}.mask.png", _encoded(mask, format="PNG"))
            _add(tar, f"{stem}.json", json.dumps(values).encode())
            count += 1
    return count


def read_shard(path: Path) -> Iterator[Frame]:
    """Frames in the order they were written. Raises ValueError when a frame is incomplete."""
    parts: dict[str, bytes] = {}
    stem = None
    with tarfile.open(path) as tar:
        for member in tar:
            name, _, ending = member.name.partition(".")
            if name != stem and parts:
                raise ValueError(f"{path.name}: {stem} has only {', '.join(parts)}")
            stem = name
            parts[ending] = tar.extractfile(member).read()
            if len(parts) == 3:
                yield _frame(parts, f"{path.name}: {stem}")
                parts = {}
    if parts:
        raise ValueError(f"{path.name}: {stem} has only {', '.join(parts)}")


def shards_of_rank(paths: list[Path], rank: int, world: int, epoch: int, done: int = 0) -> list[Path]:
    """This rank's shards of an epoch in shuffled order, without the first `done`. Every shard goes to exactly one
    rank."""
    order = np.random.default_rng([epoch, 7]).permutation(len(paths))
    return [paths[i] for i in order[rank::world]][done:]


def _frame(parts: dict[str, bytes], where: str) -> Frame:
    try:
        values = json.loads(parts["json"])
        jpeg, png = parts["jpg"], parts["mask.png"]
    except KeyError as missing:
        raise ValueError(f"{where} has no {missing}") from missing
    arrays = {name: np.asarray(values[name], np.float64) for name in FIELDS}
    arrays["expression"] = arrays["expression"].astype(np.float32)
    load = lambda: (Image.open(io.BytesIO(jpeg)).convert("RGB"), Image.open(io.BytesIO(png)).convert("L"))
    return Frame(values["subject"], values["timestep"], values["view"], load, **arrays)


def _encoded(image: Image.Image, **settings) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **settings)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
