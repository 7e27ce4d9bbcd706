"""What a second photo is worth for hair and bust: VALID people, from the front and from another side.

    python -m training.evaluate.bust_photos                     # the seven people with odd index
    python -m training.evaluate.bust_photos --even --sheet out/two-photos.png
    python -m training.evaluate.bust_photos --tint 1.15 1 0.85  # the second photo under another light

PSNR in dB inside the true silhouette and overlap with it, at azimuths that neither photo shows, as in bust.py; matte
and classes by the networks that ship, together as the page uses them. Rows: the front photo alone, and both. The head
is made and refined from the front photo, so that only hair and bust differ. What is prepared is kept under
training/cache/bust-photos."""

import argparse
import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..bust.fill import Filled, fill
from ..bust.page import Page
from ..bust.photo import Photo, bilinear
from ..bust.picture import Painter
from ..classes.person import PersonFinder
from ..headmodel.model import HeadModel
from ..refine.portraits import Portrait, crop_size, inside_photo
from ..synth.crop import Crop, crop_from_landmarks, from_crop
from . import metrics
from .bust import PEOPLE, PERSON_SIZE, ROOT, SIZE, ValidPerson, avatar_camera, opened, person_camera
from .observers import Observers
from .paired import interval
from .puppets import Puppeteer
from .real_photos import EXACT, PASSES, cut_out, draw_crop
from .refined import Refiner

BEHIND = "behind"
CASES = {"45°": 45, "-60°": -60, BEHIND: 180}
AZIMUTHS = (0, 30, 90, -90, 135, -135, 180)
BORDER = 0.12  # of the crop: where its masks give way to the wide ones (src/runtime/photo/wideCrop.ts)
CROP_PER_HEAD, MIDDLE_PER_WIDTH, LEAST_RUN = 1.9, 0.75, 4  # src/runtime/photo/headFromBehind.ts
TILE = (0.1, 0.7, 0.2, 0.8)  # rows and columns in which a face is looked for that is not found in all of the picture
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

    def crops(self, pictures: list[np.ndarray]) -> list[tuple[Crop, np.ndarray] | None]:
        """Of faces, and landmarks [478,2] in them; None where none is found."""
        out: list[tuple[Crop, np.ndarray] | None] = [None] * len(pictures)
        found = {k: p for k, p in enumerate(self.observers.points(pictures)) if p is not None}
        rest = [k for k in range(len(pictures)) if k not in found]
        tile = lambda k: [round(part * len(pictures[k])) for part in TILE]
        parts = [pictures[k][tile(k)[0] : tile(k)[1], tile(k)[2] : tile(k)[3]] for k in rest]
        large = [np.asarray(Image.fromarray(part).resize((EXACT, EXACT), Image.Resampling.BICUBIC)) for part in parts]
        for k, p in zip(rest, self.observers.points(large) if rest else []):
            if p is not None:
                found[k] = p[:, :2] * (tile(k)[1] - tile(k)[0]) / EXACT + [tile(k)[2], tile(k)[0]]
        for _ in range(PASSES):
            crops = {k: crop_from_landmarks(p) for k, p in found.items()}
            again = self.observers.points([draw_crop(pictures[k], crop, EXACT) for k, crop in crops.items()])
            found = {k: from_crop(p / EXACT, crops[k]) for k, p in zip(crops, again) if p is not None}
        for k, p in found.items():
            crop = crop_from_landmarks(p)
            out[k] = crop, crop.to_crop(p)
        return out

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
        return Photo(
            image.transpose(1, 2, 0), matte.astype(np.float32), value[..., 1:].astype(np.float32), crop, *camera
        )

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
        return self.photo(
            picture, Crop(center, CROP_PER_HEAD * width * scale, 0.0), (np.eye(3), np.array([0, 0, -1.0]), 2.4)
        )

    def aside(self, front: Photo, pictures: dict[int, np.ndarray], azimuth: int) -> Photo:
        """Where no face is found: the true camera, in a crop about the picture's middle."""
        R, t, f = person_camera(azimuth)
        R, t = avatar_camera(front, PERSON_SIZE, *person_camera(0), R, t)
        seen = R @ np.array([0, 0.02, 0]) + t
        head = PERSON_SIZE * (0.5 + f * seen[:2] / -seen[2] * [1, -1])
        photo = self.photo(pictures[azimuth], Crop(head, front.crop.side, 0.0), (R, t, f))
        side = 1.5 * front.crop.side
        return replace(photo, crop=Crop(np.full(2, PERSON_SIZE / 2), side, 0.0), focal=f * PERSON_SIZE / side)

    def head(self, name: str, picture: np.ndarray, crop: Crop, at: np.ndarray, fit: dict) -> tuple:
        """Static map and the expression's part, refined."""
        size = crop_size(crop.side)
        image = metrics.unit(draw_crop(picture, crop, size)).transpose(2, 0, 1).copy()
        mask = self.finder.person(draw_crop(picture, crop, EXACT))[0]
        inside = inside_photo(crop, len(picture), len(picture), size)
        portrait = Portrait(name, image, inside, mask, at.astype(np.float32), fit)
        puppet = self.refiner.of_portrait(portrait)
        view = self.refiner.view(puppet, portrait, 512)
        return self.refiner.refine(puppet, [view]).static.numpy(), view.delta.numpy()

    def prepare(
        self, pictures: dict[str, dict[int, np.ndarray]], cases: list[str]
    ) -> Iterator[tuple[str, str, Prepared]]:
        """Person, case and what is prepared, of pictures by person and azimuth."""
        sides = [CASES[case] for case in cases if case != BEHIND]
        faces = [(name, azimuth) for name in pictures for azimuth in (0, *sides)]
        looked = self.crops([pictures[name][azimuth] for name, azimuth in faces])
        found = {face: crop for face, crop in zip(faces, looked) if crop is not None}
        size = self.model.avatar.config.anchor_size
        names = [name for name in pictures if (name, 0) in found]
        alone = self.observers.fit(np.stack([found[name, 0][1] for name in names]), size)
        pairs = [(name, azimuth) for name in names for azimuth in sides if (name, azimuth) in found]
        both = [found[face][1] for name, azimuth in pairs for face in ((name, 0), (name, azimuth))]
        fits = self.observers.fit(np.stack(both), size, 2) if both else []
        camera = lambda fit: (fit["rotation"].astype(float), fit["translation"].astype(float), float(fit["focal"][0]))
        for name, fit in zip(names, alone):
            static, delta = self.head(name, pictures[name][0], *found[name, 0], fit)
            front = self.photo(pictures[name][0], found[name, 0][0], camera(fit))
            for case in cases:
                face = name, CASES[case]
                if case == BEHIND:
                    yield (
                        name,
                        case,
                        Prepared(static, delta, fit["expression"], front, self.behind(pictures[name][180])),
                    )
                elif face not in found:
                    yield (
                        name,
                        case,
                        Prepared(static, delta, fit["expression"], front, self.aside(front, pictures[name], face[1])),
                    )
                else:
                    pair = 2 * pairs.index(face)
                    first, second = map(camera, fits[pair : pair + 2])
                    other = self.photo(pictures[name][face[1]], found[face][0], second)
                    moved = replace(front, R=first[0], t=first[1], focal=first[2])
                    yield name, case, Prepared(static, delta, fit["expression"], moved, other)


def picture_of(person: ValidPerson, azimuth: float) -> np.ndarray:
    return metrics.to_bytes(person.draw(*person_camera(azimuth), PERSON_SIZE)[:3])


def kept(
    preparer: Preparer, root: Path, names: list[str], cases: list[str], folder: Path
) -> dict[str, dict[str, Prepared]]:
    """By case and person."""
    folder.mkdir(parents=True, exist_ok=True)
    place = lambda name, case: folder / f"{name}_{case}.pkl"
    missing = [name for name in names if not all(place(name, case).exists() for case in cases)]
    pictures = {}
    for name in missing:
        person = ValidPerson(root, name)
        pictures[name] = {azimuth: picture_of(person, azimuth) for azimuth in (0, *(CASES[case] for case in cases))}
        for azimuth, picture in pictures[name].items():
            Image.fromarray(picture).save(folder / f"{name}_{azimuth}.png")
    for name, case, prepared in preparer.prepare(pictures, cases) if missing else ():
        place(name, case).write_bytes(pickle.dumps(prepared))
        print("prepared", name, case, flush=True)
    return {
        case: {name: pickle.loads(place(name, case).read_bytes()) for name in names if place(name, case).exists()}
        for case in cases
    }


def truths(root: Path, name: str, folder: Path) -> dict[int, np.ndarray]:
    """[4,SIZE,SIZE] by azimuth."""
    file = folder / f"{name}_truth.npz"
    if not file.exists():
        person = ValidPerson(root, name)
        views = {
            str(a): person.draw(*((c := person_camera(a))[0], c[1], c[2]), SIZE).astype(np.float16) for a in AZIMUTHS
        }
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
        return (
            fill(self.page, head, [p.front], back=p.second)
            if case == BEHIND
            else fill(self.page, head, [p.front, p.second])
        )

    def draw(self, p: Prepared, filled: Filled, azimuth: float) -> np.ndarray:
        """[4,size,size] as the truth sees the person."""
        R, t, f = person_camera(azimuth)
        R, t = avatar_camera(p.front, PERSON_SIZE, *person_camera(0), R, t)
        pose = np.zeros(15)
        pose[3:6] = -p.front.lean * p.front.R[2]
        return self.painter.draw(
            p.static, p.delta, filled.map, p.expression, pose, R, t, f * self.size, self.size, BACKGROUND
        )

    def scores(
        self, p: Prepared, filled: Filled, truth: dict[int, np.ndarray]
    ) -> dict[int, tuple[float, float, float]]:
        """PSNR, overlap and share of the truth that is missing, by azimuth."""
        out = {}
        for azimuth, wanted in truth.items():
            mine = self.draw(p, filled, azimuth)
            mask, ours = wanted[3] > 0.5, mine[3] > 0.5
            psnr = metrics.psnr(metrics.to_bytes(mine[:3]), metrics.to_bytes(wanted[:3]), mask)
            out[azimuth] = (
                psnr,
                float((ours & mask).sum() / (ours | mask).sum()),
                float((~ours & mask).sum() / mask.sum()),
            )
        return out


def tinted(p: Prepared, tint: tuple[float, float, float]) -> Prepared:
    """The second photo under another light."""
    return replace(p, second=replace(p.second, image=np.clip(p.second.image * np.array(tint), 0, 1)))


def main() -> None:
    parser = argparse.ArgumentParser(description="A second photo for hair and bust.")
    parser.add_argument("--even", action="store_true", help="the people used for tuning")
    parser.add_argument("--people", type=int, help="only so many of them")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--tint", nargs=3, type=float, default=(1, 1, 1), help="factors of the second photo's colors")
    parser.add_argument("--sheet", type=Path, help="a contact sheet: truth, one photo, both")
    parser.add_argument("--out", type=Path, default=ROOT / "training/results/bust-photos.json")
    a = parser.parse_args()
    root, observers, model, results = opened()
    folder = ROOT / "training/cache/bust-photos"
    names = list(PEOPLE)[0 if a.even else 1 :: 2][: a.people]
    people = kept(Preparer(model, observers), root, names, a.cases, folder)
    measure = Measure(model.head, model.avatar.config.map_size)
    results |= {"people": names, "tint": list(a.tint), "cases": {}}
    lines = []
    for case, by_name in people.items():
        rows: dict[str, dict[int, list[tuple[float, float, float]]]] = {"one": {}, "both": {}}
        for name, prepared in by_name.items():
            prepared = tinted(prepared, a.tint)
            truth = truths(root, name, folder)
            for row, both in (("one", False), ("both", True)):
                filled = measure.filled(prepared, case, both)
                if filled.back_overlap is not None:
                    print(f"{name} outline from behind agrees by {filled.back_overlap:.2f}")
                for azimuth, score in measure.scores(prepared, filled, truth).items():
                    rows[row].setdefault(azimuth, []).append(score)
                if a.sheet:
                    lines.append(np.concatenate([measure.draw(prepared, filled, x)[:3] for x in AZIMUTHS], 2))
            if a.sheet:
                lines.insert(-2, np.concatenate([v[:3] for v in truth.values()], 2))
        table = results["cases"][case] = {}
        for azimuth in AZIMUTHS:
            one, both = (np.array(rows[row][azimuth]) for row in ("one", "both"))
            table[f"{azimuth}°"] = {
                "psnr_one": metrics.summary(one[:, 0].tolist()),
                "gain_db": interval(both[:, 0] - one[:, 0]),
                "overlap_one": float(one[:, 1].mean()),
                "overlap_both": float(both[:, 1].mean()),
                "missing_one": float(one[:, 2].mean()),
                "missing_both": float(both[:, 2].mean()),
            }
            row = table[f"{azimuth}°"]
            print(
                f"{case:>7} {azimuth:5}° {row['psnr_one']['mean']:.2f} dB {row['gain_db']['mean']:+.2f} ± "
                f"{row['gain_db']['ci95']:.2f}, overlap {row['overlap_one']:.3f} {row['overlap_both']:.3f}"
            )
    if a.sheet:
        Image.fromarray(metrics.to_bytes(np.concatenate(lines, 1).clip(0, 1))).save(a.sheet)
    a.out.write_text(json.dumps(results, indent=4) + "\n")


if __name__ == "__main__":
    main()
