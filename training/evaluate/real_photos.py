"""The real check: photo-like portraits (shared/data/photos), prepared as the page prepares them, against MediaPipe and
recognition nets.

Landmark error: the network's own photo coordinates at the texels of MediaPipe's landmarks against what MediaPipe sees,
in % of the distance between the middles of the eyes. CSIM: the avatar, drawn with the camera and expression of the
landmark fit, against the photo. On the way from 0 % to 100 %, 0 is the mean of two different people's photos, 100 the
photo against a disturbed copy of itself (mirrored, cropped, scaled to 60 %, JPEG quality 60), as no person has two
photos here. Light of the teeth: where a photo shows them, how bright the avatar's are beside them, in %. Rows
"refined": the same avatars with the photo's own detail (training/refine)."""

import io
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from scipy.spatial import ConvexHull

from ..classes import matting
from ..classes.person import PersonFinder
from ..models.landmarks import INNER_LIPS, Landmarks
from ..synth.cameras import rotation
from ..synth.crop import Crop, crop_from_landmarks, from_crop
from ..synth.lighting import LUMA, linear
from . import metrics
from .observers import Face, Observers
from .puppets import Puppet, Puppeteer

EXACT = 512  # pixels of the second look, as src/runtime/photo/preparePhoto.ts
PASSES = 2
OPEN_MOUTH = 0.1  # between the middles of the inner lips, in eye distances
# light of teeth over that of the face, at the least: clear smiles of the photos have 1.5 to 3.4, the next brightest
# mouths 1.0
TEETH = 1.2
NOVEL_YAW = 25  # degrees that the novel view turns away from the photo's


@dataclass(frozen=True)
class Prepared:
    """A photo as the networks get it: image [3,S,S], landmarks [478,2] in crop coordinates 0..1, and the fit's results
    (Observers.fit)."""

    name: str
    image: np.ndarray
    landmarks: np.ndarray
    fit: dict[str, np.ndarray]

    @property
    def inter_ocular(self) -> float:
        """In parts of the crop."""
        middle = lambda a, b: self.landmarks[[a, b]].mean(0)
        return float(np.hypot(*(middle(33, 133) - middle(362, 263))))


def draw_crop(picture: np.ndarray, crop: Crop, size: int) -> np.ndarray:
    """The crop of an upright picture u8 [h,w,3] as u8 [size,size,3]: below it its last row goes on, elsewhere around it
    is grey."""
    step = crop.side / size
    reduce = max(1, int(step))
    below = max(0, math.ceil(from_crop(np.array([[0, 1], [1, 1]]), crop)[:, 1].max()) - len(picture))
    image = Image.fromarray(np.pad(picture, ((0, below), (0, 0), (0, 0)), mode="edge")).reduce(reduce)
    c, s = np.cos(crop.roll), np.sin(crop.roll)
    half = crop.side / 2
    corner = crop.center + [-half * c + half * s, -half * s - half * c]
    affine = np.array([step * c, -step * s, corner[0], step * s, step * c, corner[1]]) / reduce
    return np.asarray(
        image.transform(
            (size, size), Image.Transform.AFFINE, tuple(affine), Image.Resampling.BICUBIC, fillcolor=(128, 128, 128)
        )
    )


def cut_out(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """image [3,S,S] 0..1 and the person's mask as its net gives it -> matte [S,S], image [3,S,S] without the
    background's light in the rim; twin of CutOutPerson in src/runtime/photo/matting.ts."""
    picture = image.transpose(1, 2, 0)
    coarse = Image.fromarray(mask.astype(np.float32)).resize(picture.shape[:2], Image.Resampling.BILINEAR)
    matte = matting.refine_matte(picture, np.asarray(coarse))
    rim = (matte > 0) & (matte < 1)
    colors = np.where(rim[..., None], matting.foreground(picture, matte), picture)
    return matte, np.ascontiguousarray(colors.transpose(2, 0, 1), np.float32)


@dataclass(frozen=True)
class Found:
    """Photos in which a face was found, in one order."""

    pictures: list[np.ndarray]  # [H,W,3] bytes
    crops: dict[str, Crop]  # by the photo's name
    masks: list[np.ndarray]  # [h,w] 0..1 of the persons, in the crops
    landmarks: np.ndarray  # [n,478,2] in crop coordinates


def find(files: list[Path], observers: Observers) -> Found:
    """Find the face, crop, look again in the crop, matte; photos without a face are left out."""
    pictures = {file.stem: np.asarray(Image.open(file).convert("RGB")) for file in files}
    points = {name: p for name, p in zip(pictures, observers.points(list(pictures.values()))) if p is not None}
    for _ in range(PASSES):
        crops = {name: crop_from_landmarks(p) for name, p in points.items()}
        again = observers.points([draw_crop(pictures[name], crop, EXACT) for name, crop in crops.items()])
        points = {name: from_crop(p / EXACT, crops[name]) for name, p in zip(crops, again) if p is not None}
    crops = {name: crop_from_landmarks(p) for name, p in points.items()}
    finder = PersonFinder()
    masks = [finder.person(draw_crop(pictures[name], crop, EXACT))[0] for name, crop in crops.items()]
    landmarks = np.stack([crop.to_crop(points[name]) for name, crop in crops.items()])
    return Found([pictures[name] for name in crops], crops, masks, landmarks)


def prepare(files: list[Path], observers: Observers, photo_size: int, anchor_size: int) -> list[Prepared]:
    """What the networks get of each photo, and its fit."""
    found = find(files, observers)
    fits = observers.fit(found.landmarks, anchor_size)
    out = []
    for picture, (name, crop), mask, at, fit in zip(
        found.pictures, found.crops.items(), found.masks, found.landmarks, fits
    ):
        matte, image = cut_out(metrics.unit(draw_crop(picture, crop, photo_size)).transpose(2, 0, 1), mask)
        out.append(Prepared(name, (0.5 + matte * (image - 0.5)).astype(np.float32), at, fit))
    return out


def disturbed(picture: np.ndarray, mirror: bool = True) -> np.ndarray:
    """Another picture of the same face: [mirrored, cropped by a few percent,] scaled to 60 % and JPEG-compressed at
    quality 60."""
    image = Image.fromarray(picture)
    if mirror:
        w, h = image.size
        image = ImageOps.mirror(image).crop((int(0.04 * w), int(0.03 * h), int(0.99 * w), int(0.97 * h)))
    image = image.resize((int(0.6 * image.width), int(0.6 * image.height)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer).convert("RGB"))


def landmark_errors(
    prepared: list[Prepared], coordinates: dict[str, list[np.ndarray]], landmarks: Landmarks
) -> dict[str, list[float]]:
    """Mean error per photo in % of the eye distance; `coordinates` holds maps [3,a,a] per photo (x, y first) or points
    [478,2] in 0..1."""
    counted = landmarks.mapped & (np.arange(478) < 468)
    out = {}
    for row, given in coordinates.items():
        points = [landmarks.sample(g[:2]) if g.ndim == 3 else g for g in given]
        out[row] = [
            float(100 * np.hypot(*(at - p.landmarks)[counted].T).mean() / p.inter_ocular)
            for at, p in zip(points, prepared)
        ]  # both in crop coordinates
    return out


def draw(
    model: Puppeteer, puppet: Puppet, p: Prepared, position_map: np.ndarray, size: int, turn: float = 0
) -> np.ndarray:
    """The puppet under the camera and expression of the fit, u8 [size,size,3]; `turn` degrees about the head's
    vertical."""
    from ..synth.raster import render_maps

    R = p.fit["rotation"].astype(np.float64)
    t = p.fit["translation"].astype(np.float64)
    R = R @ rotation(np.radians(turn), 0, 0)
    delta = model.delta(puppet, position_map)
    picture = render_maps(
        model.head, puppet.static, delta, p.fit["expression"], np.zeros(15), R, t, float(p.fit["focal"][0]) * size, size
    )
    return metrics.to_bytes(picture)


def mouth_opening(face: Face) -> float:
    """Between the middles of the inner lips, in eye distances."""
    upper, lower = INNER_LIPS[5], INNER_LIPS[15]
    return float(np.hypot(*(face.points[upper] - face.points[lower])) / face.inter_ocular)


def light(picture: np.ndarray, outline: np.ndarray, quantile: float) -> float | None:
    """Linear luminance 0..1 that the rest of the pixels inside `outline` [n,2] exceeds; None where no pixel is."""
    inside = metrics.polygon_mask(outline, len(picture), 0)
    return float(np.quantile(linear(metrics.unit(picture[inside])) @ LUMA, quantile)) if inside.any() else None


def mouth_light(picture: np.ndarray, face: Face) -> float | None:
    """Linear luminance that one pixel in five between the lips exceeds: that of teeth, where they show."""
    return light(picture, face.points[INNER_LIPS], 0.8)


def teeth_show(photo: np.ndarray, face: Face) -> bool:
    """Whether the lips are apart and something between them is clearly brighter than the face."""
    points = face.points[metrics.LANDMARKS]
    skin = light(photo, points[ConvexHull(points).vertices], 0.5)
    return mouth_opening(face) > OPEN_MOUTH and (mouth_light(photo, face) or 0) > TEETH * (skin or 0)


def teeth_light(
    pictures: list[np.ndarray], seen: list[Face | None], photos: list[np.ndarray], faces: list[Face | None]
) -> list[float]:
    """In % of the photo's, of every photo that shows teeth and whose avatar's face is found."""
    pairs = zip(pictures, seen, photos, faces)
    lit = [(mouth_light(a, f), mouth_light(b, g)) for a, f, b, g in pairs if f and g and teeth_show(b, g)]
    return [100 * a / b for a, b in lit if a is not None and b]


def compare(seen: list[Face | None], photos: list[Face | None], net: str) -> list[float]:
    return [float(a.identity[net] @ b.identity[net]) for a, b in zip(seen, photos) if a and b]


def check(
    model: Puppeteer, landmarks: Landmarks, observers: Observers, files: list[Path]
) -> tuple[dict, dict[str, list[np.ndarray]]]:
    """Results, and columns of pictures for the report."""
    from ..headmodel.texels import position_map
    from ..models.base_maps import head_texels
    from ..refine import portraits
    from .refined import SIZE, Refiner

    config = model.avatar.config
    size = config.encoder.photo_size
    prepared = prepare(files, observers, size, config.anchor_size)
    head, table = head_texels(config.position_map_size)
    made = [model.make(p.image[None], p.fit["anchors"][None], p.fit["prior"]) for p in prepared]
    blind = [model.make(p.image[None], 0 * p.fit["anchors"][None], 0 * p.fit["prior"]) for p in prepared]
    refiner, whole = Refiner(model), {p.name: p for p in portraits.prepare(files, observers, config.anchor_size)}
    views = [refiner.view(puppet, whole[p.name], SIZE) for puppet, p in zip(made, prepared)]
    refined = [
        replace(puppet, static=refiner.refine(puppet, [view]).static.numpy()) for puppet, view in zip(made, views)
    ]
    photos = [metrics.to_bytes(p.image) for p in prepared]
    mean = np.mean([p.landmarks for p in prepared], 0)
    again = observers.points([disturbed(photo, mirror=False) for photo in photos])
    rows = {
        "1 photo": [puppet.coordinates[0] for puppet in made],
        "1 photo, no landmark fit": [puppet.coordinates[0] for puppet in blind],
        "the landmark fit alone": [p.fit["anchors"] for p in prepared],
        "oracle: MediaPipe on a disturbed copy": [
            p.landmarks if at is None else at / int(0.6 * size) for at, p in zip(again, prepared)
        ],
        "floor: mean of all photos": [mean] * len(prepared),
    }
    errors = landmark_errors(prepared, rows, landmarks)

    maps = [position_map(head, table, p.fit["expression"], np.zeros(15)) for p in prepared]
    ways = {
        "1 photo": (made, 0),
        "1 photo, no landmark fit": (blind, 0),
        f"1 photo, seen {NOVEL_YAW}° from beside": (made, NOVEL_YAW),
    }
    ways |= {"refined": (refined, 0), f"refined, seen {NOVEL_YAW}° from beside": (refined, NOVEL_YAW)}
    drawn: dict[str, list[np.ndarray]] = {row: [] for row in ways}
    for i, (p, position) in enumerate(zip(prepared, maps)):
        for row, (puppets, turn) in ways.items():
            drawn[row].append(draw(model, puppets[i], p, position, size, turn))
    copies = [disturbed(photo) for photo in photos]
    observers.look(
        [*photos, *copies, *(p for pictures in drawn.values() for p in pictures)]
    )  # all at once: starting the nets takes seconds
    of_photos, of_same = observers.look(photos), observers.look(copies)
    results: dict[str, dict] = {
        row: {"landmark_error_percent": metrics.summary(values)} for row, values in errors.items()
    }
    for net in of_photos[0].identity if of_photos and of_photos[0] else {}:
        known = [f for f in of_photos if f]
        wrong = [float(a.identity[net] @ b.identity[net]) for i, a in enumerate(known) for b in known[:i]]
        same = compare(of_same, of_photos, net)
        results.setdefault("oracle: a disturbed copy of the photo", {})[f"csim_{net}"] = metrics.summary(same)
        results.setdefault("floor: photos of two people", {})[f"csim_{net}"] = metrics.summary(wrong)
        for row, pictures in drawn.items():
            seen = observers.look(pictures)
            values = compare(seen, of_photos, net)
            entry = results.setdefault(row, {})
            entry[f"csim_{net}"] = metrics.summary(values)
            way = (np.mean(values) - np.mean(wrong)) / (np.mean(same) - np.mean(wrong))
            entry[f"way_to_same_person_percent_{net}"] = {
                "mean": round(float(100 * way), 2),
                "ci95": 0.0,
                "n": len(values),
            }
            entry["face_found"] = metrics.summary([float(f is not None) for f in seen])
        strangers = observers.look(drawn["1 photo"])
        results.setdefault("floor: wrong person", {})[f"csim_{net}"] = metrics.summary(
            compare(strangers[1:] + strangers[:1], of_photos, net)
        )
    for row in ("1 photo", "1 photo, no landmark fit", "refined"):
        values = teeth_light(drawn[row], observers.look(drawn[row]), photos, of_photos)
        if values:
            results[row]["teeth_light_percent"] = metrics.summary(values)
    results["the landmark fit alone"]["residual_percent"] = metrics.summary(
        [float(p.fit["residual"][0]) for p in prepared]
    )
    return results, {"photo": photos, **drawn}
