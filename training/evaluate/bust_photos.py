"""What a second photo is worth for hair and bust: VALID people, from the front and from another side.

    python -m training.evaluate.bust_photos                     # the seven people with odd index
    python -m training.evaluate.bust_photos --even --sheet out/two-photos.png
    python -m training.evaluate.bust_photos --tint 1.15 1 0.85  # the second photo under another light

PSNR in dB inside the true silhouette and overlap with it, at azimuths that neither photo shows, as in bust.py; matte
and classes by the networks that ship, together as the page uses them. Rows: the front photo alone, and both. Heads are
made and refined from both photos in either row, so that only hair and bust differ; for a photo from behind, from the
front one. What is prepared is kept under training/cache/bust-photos."""

import argparse
import json
import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import label

from ..bust.fill import Filled, fill
from ..bust.page import Page
from ..bust.photo import Photo, bilinear
from ..bust.picture import Painter
from ..classes.person import PersonFinder
from ..headmodel.model import HeadModel
from ..refine.portraits import Portrait, crop_size, inside_photo
from ..synth.crop import Crop, crop_from_landmarks, from_crop
from ..synth.skins import default_data_root
from . import metrics
from .bust import PEOPLE, PERSON_SIZE, ROOT, SIZE, ValidPerson, avatar_camera, person_camera
from .observers import Observers
from .paired import interval
from .puppets import Puppeteer
from .real_photos import EXACT, PASSES, cut_out, draw_crop
from .refined import Refiner

CASES = {"45°": 45, "-60°": -60, "behind": 180}
AZIMUTHS = (0, 30, -30, 60, -60, 90, -90, 135, -135, 180)
BORDER = 0.12  # of the crop: where its masks give way to the wide ones (src/runtime/photo/wideCrop.ts)
CROP_PER_HEAD, MIDDLE_PER_WIDTH, LEAST_RUN = 1.9, 0.75, 4  # src/runtime/photo/headFromBehind.ts
BACKGROUND = 0.5


@dataclass(frozen=True)
class Prepared:
    """One person and one case: the head, its expression's part, and the photos; the second is from behind without a
    camera in that case."""

    static: np.ndarray
    delta: np.ndarray
    expression: np.ndarray
    front: Photo
    second: Photo


class Preparer:
    def __init__(self, model: Puppeteer, observers: Observers):
        self.model, self.observers, self.refiner, self.finder = model, observers, Refiner(model), PersonFinder()

    def crops(self, pictures: list[np.ndarray]) -> tuple[list[Crop], np.ndarray]:
        """Of faces, and landmarks [n,478,2] in them."""
        points = self.observers.points(pictures)
        for _ in range(PASSES):
            crops = [crop_from_landmarks(p) for p in points]
            again = self.observers.points([draw_crop(p, crop, EXACT) for p, crop in zip(pictures, crops)])
            points = [from_crop(p / EXACT, crop) for p, crop in zip(again, crops)]
        crops = [crop_from_landmarks(p) for p in points]
        return crops, np.stack([crop.to_crop(p) for crop, p in zip(crops, points)])

    def photo(self, picture: np.ndarray, crop: Crop, camera) -> Photo:
        """A square picture as the page cuts it out: masks of the crop, and around it those of one twice as wide."""
        size = len(picture)
        wide = Crop(crop.center, 2 * crop.side, crop.roll)
        rows, columns = np.mgrid[0:size, 0:size] + 0.5
        px = np.stack([columns.ravel(), rows.ravel()], 1)
        value, share = 0.0, np.ones((size, size, 1))
        for part in (crop, wide):
            mask, classes = self.finder.person(draw_crop(picture, part, EXACT))
            maps = np.stack([mask, *classes], -1)
            at = part.to_crop(px).reshape(size, size, 2)
            near = np.clip(np.minimum(at, 1 - at).min(-1) / BORDER, 0, 1) if part is crop else np.ones((size, size))
            value = value + share * near[..., None] * bilinear(maps, at * len(mask))
            share = share * (1 - near[..., None])
        matte, image = cut_out(metrics.unit(picture).transpose(2, 0, 1).copy(), value[..., 0])
        return Photo(image.transpose(1, 2, 0), matte.astype(np.float32), value[..., 1:].astype(np.float32), crop, *camera)

    def behind(self, picture: np.ndarray) -> Photo:
        """One without a camera; its crop is where the outline has a head."""
        mask = self.finder.person(picture)[0] > 0.5
        scale = len(picture) / len(mask)
        top, width, columns = -1, 0, []
        for row, on in enumerate(mask):
            places = np.flatnonzero(on)
            if top < 0 and len(places) <= LEAST_RUN:
                continue
            top = row if top < 0 else top
            columns.extend(places)
            width = max(width, len(places))
            if row - top >= MIDDLE_PER_WIDTH * width:
                break
        center = np.array([np.median(columns) + 0.5, top + MIDDLE_PER_WIDTH * width]) * scale
        return self.photo(picture, Crop(center, CROP_PER_HEAD * width * scale, 0.0), (np.eye(3), np.array([0, 0, -1.0]), 2.4))

    def prepare(self, name: str, pictures: list[np.ndarray], is_behind: bool) -> Prepared:
        faces = pictures[:1] if is_behind else pictures
        crops, landmarks = self.crops(faces)
        anchor_size = self.model.avatar.config.anchor_size
        fits = self.observers.fit(landmarks, anchor_size, len(faces))
        portraits = []
        for picture, crop, at, fit in zip(faces, crops, landmarks, fits):
            size = crop_size(crop.side)
            image = metrics.unit(draw_crop(picture, crop, size)).transpose(2, 0, 1).copy()
            mask = self.finder.person(draw_crop(picture, crop, EXACT))[0]
            inside = inside_photo(crop, len(picture), len(picture), size)
            portraits.append(Portrait(name, image, inside, mask, at.astype(np.float32), fit))
        small = self.model.avatar.config.encoder.photo_size
        images = []
        for p in portraits:
            image = metrics.unit(draw_crop(faces[len(images)], crops[len(images)], small)).transpose(2, 0, 1).copy()
            matte, image = p.cut_out(image)
            images.append(0.5 + matte * (image - 0.5))
        puppet = self.model.make(np.stack(images), np.stack([f["anchors"] for f in fits]), fits[0]["prior"])
        views = [self.refiner.view(puppet, p, 512) for p in portraits]
        static = self.refiner.refine(puppet, views).static.numpy()
        cameras = [(f["rotation"].astype(float), f["translation"].astype(float), float(f["focal"][0])) for f in fits]
        photos = [self.photo(*part) for part in zip(faces, crops, cameras)]
        second = self.behind(pictures[1]) if is_behind else photos[1]
        return Prepared(static, views[0].delta.numpy(), fits[0]["expression"], photos[0], second)


def picture_of(person: ValidPerson, azimuth: float) -> np.ndarray:
    return metrics.to_bytes(person.draw(*person_camera(azimuth), PERSON_SIZE)[:3])


def kept(preparer: Preparer, root: Path, names: list[str], cases: list[str], folder: Path) -> dict[str, dict[str, Prepared]]:
    """By case and person."""
    folder.mkdir(parents=True, exist_ok=True)
    out: dict[str, dict[str, Prepared]] = {}
    for name in names:
        missing = [case for case in cases if not (folder / f"{name}_{case}.pkl").exists()]
        pictures: dict[int, np.ndarray] = {}
        for case in missing:
            person = ValidPerson(root, name)
            for azimuth in (0, CASES[case]):
                if azimuth not in pictures:
                    pictures[azimuth] = picture_of(person, azimuth)
                    Image.fromarray(pictures[azimuth]).save(folder / f"{name}_{azimuth}.png")
            prepared = preparer.prepare(name, [pictures[0], pictures[CASES[case]]], CASES[case] == 180)
            (folder / f"{name}_{case}.pkl").write_bytes(pickle.dumps(prepared))
            print("prepared", name, case, flush=True)
        for case in cases:
            out.setdefault(case, {})[name] = pickle.loads((folder / f"{name}_{case}.pkl").read_bytes())
    return out


def truths(root: Path, name: str, folder: Path) -> dict[int, np.ndarray]:
    """[4,SIZE,SIZE] by azimuth."""
    file = folder / f"{name}_truth.npz"
    if not file.exists():
        person = ValidPerson(root, name)
        views = {str(a): person.draw(*((c := person_camera(a))[0], c[1], c[2]), SIZE).astype(np.float16) for a in AZIMUTHS}
        np.savez_compressed(file, **views)
    data = np.load(file)
    return {a: data[str(a)].astype(np.float64) for a in AZIMUTHS}


class Measure:
    def __init__(self, head: HeadModel, map_size: int, size: int = SIZE):
        self.page, self.size = Page.load(), size
        self.painter = Painter(head, self.page, map_size)

    def filled(self, p: Prepared, case: str, both: bool) -> Filled:
        head = self.painter.head(p.static)
        if not both:
            return fill(self.page, head, [p.front])
        return fill(self.page, head, [p.front], back=p.second) if case == "behind" else fill(self.page, head, [p.front, p.second])

    def draw(self, p: Prepared, filled: Filled, azimuth: float) -> np.ndarray:
        """[4,size,size] as the truth sees the person."""
        R, t, f = person_camera(azimuth)
        R, t = avatar_camera(p.front, PERSON_SIZE, *person_camera(0), R, t)
        pose = np.zeros(15)
        pose[3:6] = -p.front.lean * p.front.R[2]
        return self.painter.draw(p.static, p.delta, filled.map, p.expression, pose, R, t, f * self.size, self.size, BACKGROUND)

    def scores(self, p: Prepared, filled: Filled, truth: dict[int, np.ndarray]) -> dict[int, tuple[float, float, float]]:
        """PSNR, overlap and share of the truth that is missing, by azimuth."""
        out = {}
        for azimuth, wanted in truth.items():
            mine = self.draw(p, filled, azimuth)
            mask, ours = wanted[3] > 0.5, mine[3] > 0.5
            psnr = metrics.psnr(metrics.to_bytes(mine[:3]), metrics.to_bytes(wanted[:3]), mask)
            out[azimuth] = (psnr, float((ours & mask).sum() / (ours | mask).sum()), float((~ours & mask).sum() / mask.sum()))
        return out
