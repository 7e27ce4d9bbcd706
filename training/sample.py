"""The sample: one person's photos and every truth about them. Declared here once; the generator fills it
(synth/generator.py), the cache stores it and the trainer makes batches of it (samples.py), the evaluation
measures on it. Its files stand here too: one .npz per sample, every array as its field says.

Sizes: N photos, K expressions, S pixels, H = W texels of the maps, A of the anchors, P of the position map, E
expressions. What the values mean, in more words: synth/README.md."""

import hashlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .headmodel import asset_file

BYTE, HALF, EXACT = "u1", "f2", "f4"  # how a field is stored: 0..1 in 8 bits, float16, float32


class Cameras(NamedTuple):
    """Camera from canonical, of each of some pictures."""

    R: np.ndarray  # . 3 3
    t: np.ndarray  # . 3, meters
    f: np.ndarray  # ., pixels


def stored(kind: str):
    return field(default=None, metadata={"stored": kind})


@dataclass(frozen=True)
class Sample:
    """float32 arrays; a field that a source of samples does not know is None: captured people have no truth in UV, and
    not every sample has pictures of its targets."""

    photos: np.ndarray = stored(BYTE)  # N 3 S S, crops as in inference, background 0.5, sRGB-encoded 0..1
    photo_tones: np.ndarray = stored(EXACT)  # N 4, gains of red, green, blue, and contrast: lighting.Tone
    anchors_true: np.ndarray = stored(HALF)  # N 3 A A: x, y in 0..1, visible 0 or 1
    anchors_in: np.ndarray = stored(HALF)  # N 3 A A: the same as a landmark fit gives it, with confidence
    prior_in: np.ndarray = stored(HALF)  # 4 A A: identity offset of such a fit / 0.02 m, valid
    static: np.ndarray = stored(HALF)  # 14 H W: truth at rest, colors in photo 0's tone
    valid: np.ndarray = stored(BYTE)  # H W: texel has a face
    seen: np.ndarray = stored(BYTE)  # H W: texel is visible in at least one photo
    photo_cameras: Cameras = stored(EXACT)
    expressions: np.ndarray = stored(EXACT)  # K E
    poses: np.ndarray = stored(EXACT)  # K 15, without what the expression itself adds
    position_maps: np.ndarray = stored(HALF)  # K 3 P P: the driver's input
    deltas: np.ndarray = stored(HALF)  # K 14 H W, or P P from the cache: the driver's truth
    cameras: Cameras = stored(EXACT)  # of the targets
    targets: np.ndarray | None = stored(BYTE)  # K 3 S S: new views of the new expressions, background 0.5
    target_masks: np.ndarray | None = stored(BYTE)  # K S S


FIELDS = {f.name: f.metadata["stored"] for f in fields(Sample)}
CAMERAS = ("photo_cameras", "cameras")  # stored as three arrays each: cameras_R, cameras_t, cameras_f


def array_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the stored arrays of some fields."""
    return tuple(a for n in names for a in ([f"{n}_{part}" for part in Cameras._fields] if n in CAMERAS else [n]))


def packed(name: str, value: np.ndarray) -> np.ndarray:
    """One array as its field is stored."""
    value = np.asarray(value, np.float32)
    if FIELDS[name] == BYTE:
        return np.round(np.clip(value, 0, 1) * 255).astype(np.uint8)
    return value.astype(FIELDS[name])


def unpacked(value: np.ndarray) -> np.ndarray:
    """float32 of a stored array."""
    return value.astype(np.float32) / 255 if value.dtype == np.uint8 else value.astype(np.float32)


def halved(deltas: np.ndarray) -> np.ndarray:
    """[K, 14, 2 P, 2 P] -> [K, 14, P, P], means of four."""
    return deltas.reshape(*deltas.shape[:2], deltas.shape[2] // 2, 2, deltas.shape[3] // 2, 2).mean((3, 5))


def pack(sample: Sample) -> dict[str, np.ndarray]:
    """Compact arrays by name: cameras in three, deltas halved to the position map's size, the rest as FIELDS say."""
    arrays = {}
    for name in FIELDS:
        value = getattr(sample, name)
        if value is None:
            continue
        if name in CAMERAS:
            arrays |= {f"{name}_{part}": packed(name, x) for part, x in value._asdict().items()}
            continue
        if name == "deltas" and value.shape[-1] == 2 * sample.position_maps.shape[-1]:
            value = halved(np.asarray(value, np.float32))
        arrays[name] = packed(name, value)
    return arrays


def unpack(arrays: dict[str, np.ndarray]) -> Sample:
    """Inverse of `pack`; fields without an array are None. Names that are no field raise TypeError."""
    arrays = {name: unpacked(value) for name, value in arrays.items()}
    values = {}
    for name in CAMERAS:
        if f"{name}_R" in arrays:
            values[name] = Cameras(*(arrays.pop(f"{name}_{part}") for part in Cameras._fields))
    return Sample(**values, **arrays)


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Atomic: a reader never sees half a file."""
    temporary = path.with_suffix(".part")
    with open(temporary, "wb") as file:
        np.savez(file, **arrays)
    temporary.rename(path)


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Arrays of a file by name, as float32."""
    with np.load(path) as stored:
        return {name: unpacked(stored[name]) for name in names}


def write_sample(path: Path, sample: Sample) -> None:
    """One sample, packed."""
    write_arrays(path, pack(sample))


def read_sample(path: Path, names: tuple[str, ...] = ()) -> Sample:
    """One sample; only the fields `names` when given."""
    with np.load(path) as stored:
        return unpack({k: stored[k] for k in array_names(names) or stored.files})


def geometry_hash(head_file: Path) -> str:
    """SHA-256 over what samples depend on: every array of a head model file but the landmark embeddings."""
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
