"""Hair beyond the scalp and the bust (training/bust) against today's avatar.

    python -m training.evaluate.bust                                  # training/results/bust.json
    python -m training.evaluate.bust --portraits 4 --people 2 --out dry.json

Portraits: the odd photos of shared/data/photos (the even ones were used for tuning). Overlap: intersection over union
of where the avatar, drawn with the photo's camera and expression, and the person's matte cover more than half, inside
the photo, at 256². Holes: background seen through the hull, at 24 azimuths. Shoulders: largest motion of the bust's
Gaussians below the neck while the head turns by 60 degrees to either side.
People: VALID people with bodies, some with wigs, one photo from the front, matte and classes as for a portrait. PSNR in
dB inside the true silhouette of a bust picture, avatar over the same grey; before, and the difference, paired by
person."""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_erosion, binary_fill_holes

from ..bust.fill import Filled, fill
from ..bust.page import Page
from ..bust.photo import Photo, bilinear
from ..bust.picture import Painter
from ..bust.prepare import Teacher, whole_photo
from ..headmodel.model import HeadModel, rotations
from ..refine.portraits import Portrait, crop_size, inside_photo
from ..registration import textures
from ..synth import mesh
from ..synth.crop import Crop, from_crop
from ..synth.skins import default_data_root
from . import metrics
from .observers import Observers
from .paired import interval
from .puppets import Puppeteer
from .real_photos import draw_crop, find
from .refined import Refiner

ROOT = Path(__file__).parents[2]
SIZE = 256  # of overlap
AZIMUTHS = 24
VIEW_SIZE, VIEW_SPAN, VIEW_DISTANCE = 192, 0.56, 1.5  # pixels, meters across at the head, meters
RIM_PX, LOWEST = 2, 0.79  # pixels of soft rim; share of the picture above the bust's fading border
TURN = 60  # degrees
NOVEL = (30, -30, 60, -60, 110, -110, 180)
BACKGROUND = 0.5
PERSON_SIZE, PERSON_FOCAL, PERSON_DISTANCE = 640, 2.4, 1.5  # px, in picture sides, meters
PEOPLE = (
    *(
        "AIAN_F_1",
        "AIAN_F_2",
        "AIAN_M_1",
        "AIAN_M_2",
        "Asian_F_2",
        "Black_F_2",
        "Hispanic_F_3",
        "MENA_F_2",
        "White_F_3",
        "X_NHPI_F_3",
    ),
    *("Asian_M_2", "Black_M_3", "Asian_F_1", "White_M_1"),
)


@dataclass(frozen=True)
class Made:
    """An avatar from one photo, with and without its second page."""

    static: np.ndarray
    delta: np.ndarray
    expression: np.ndarray
    photo: Photo
    filled: Filled
    seconds: float


def around(
    azimuth: float, span: float = VIEW_SPAN, height: float = -0.08, pitch: float = 0.0
) -> tuple[np.ndarray, np.ndarray, float]:
    """Camera R, t and focal (in picture sides) that looks at the bust from an azimuth in degrees, positive from the
    head's left."""
    R = rotations(np.array([np.radians(pitch), 0, 0])) @ rotations(np.array([0, -np.radians(azimuth), 0]))
    return R, np.array([0, 0, -VIEW_DISTANCE]) - R @ np.array([0, height, -0.02]), VIEW_DISTANCE / span


class Maker:
    """Photos to avatars, as the page makes them."""

    def __init__(self, model: Puppeteer, observers: Observers, root: Path):
        self.refiner, self.observers, self.teacher = Refiner(model), observers, Teacher(root)
        self.page = Page.load()
        self.painter = Painter(model.head, self.page, model.avatar.config.map_size)

    def make(self, files: list[Path]) -> dict[str, Made]:
        """By name; photos without a face are left out."""
        found = find(files, self.observers)
        fits = self.observers.fit(found.landmarks, self.refiner.model.avatar.config.anchor_size)
        out = {}
        for picture, (name, crop), mask, at, fit in zip(
            found.pictures, found.crops.items(), found.masks, found.landmarks, fits
        ):
            out[name] = self.of(name, picture, crop, mask, at, fit)
        return out

    def of(self, name: str, picture: np.ndarray, crop: Crop, mask: np.ndarray, at: np.ndarray, fit: dict) -> Made:
        size = crop_size(crop.side)
        height, width = picture.shape[:2]
        image = metrics.unit(draw_crop(picture, crop, size)).transpose(2, 0, 1).copy()
        portrait = Portrait(name, image, inside_photo(crop, width, height, size), mask, at.astype(np.float32), fit)
        puppet = self.refiner.of_portrait(portrait)
        view = self.refiner.view(puppet, portrait, 512)
        static = self.refiner.refine(puppet, [view]).static.numpy()
        photo = whole_photo(picture, crop, mask, self.teacher(picture), fit)
        head = self.painter.head(static)
        start = time.perf_counter()
        filled = fill(self.page, head, [photo])
        seconds = time.perf_counter() - start
        if filled.head_color is not None:
            static = self.painter.recolored(static, head, filled.head_color)
        return Made(static, view.delta.numpy(), fit["expression"], photo, filled, seconds)

    def draw(self, made: Made, second: bool, R, t, f: float, size: int, pose: np.ndarray | None = None) -> np.ndarray:
        """[4,size,size]; f in picture sides."""
        pose = np.zeros(15) if pose is None else pose
        return self.painter.draw(
            made.static,
            made.delta,
            made.filled.map if second else None,
            made.expression,
            pose,
            R,
            t,
            f * size,
            size,
            BACKGROUND,
        )


def leaning(photo: Photo) -> tuple[Photo, np.ndarray]:
    """The photo with its torso's camera, and the pose [15] in which the head leans on the torso as the photo shows."""
    pose = np.zeros(15)
    pose[3:6] = -photo.lean * photo.R[2]
    return photo.torso, pose


def overlap(maker: Maker, made: Made, second: bool) -> float:
    photo, pose = leaning(made.photo) if second else (made.photo, None)
    at = (np.arange(SIZE) + 0.5) / SIZE
    px = from_crop(np.stack([np.tile(at, SIZE), np.repeat(at, SIZE)], 1), photo.crop).reshape(SIZE, SIZE, 2)
    inside, matte = photo.inside(px, 1), bilinear(photo.matte, px)
    ours = (maker.draw(made, second, photo.R, photo.t, photo.focal, SIZE, pose)[3] > 0.5) & inside
    wanted = (matte > 0.5) & inside
    return float((ours & wanted).sum() / max(1, (ours | wanted).sum()))


def holes(maker: Maker, made: Made) -> float:
    """Share of the hull's pixels in which background shows through, mean over azimuths. Hull: the silhouette with its
    holes filled, without its soft rim and the bust's fading lower border."""
    share, low = [], int(VIEW_SIZE * LOWEST)
    for azimuth in np.arange(AZIMUTHS) * 360 / AZIMUTHS:
        R, t, f = around(azimuth)
        coverage = maker.draw(made, True, R, t, f, VIEW_SIZE)[3][:low]
        solid = np.pad(coverage > 0.5, ((0, RIM_PX + 1), (0, 0)), mode="edge")
        hull = binary_erosion(binary_fill_holes(solid), np.ones((2 * RIM_PX + 1,) * 2))[:low]
        share.append(float((hull * (1 - coverage)).sum() / max(1, hull.sum())))
    return float(np.mean(share))


def shoulder_motion(maker: Maker, made: Made) -> float:
    """Millimeters that Gaussians of the bust below the neck's ring move while the head turns."""
    page, model = maker.page, maker.painter.model
    band = page.rows("bust")
    points = made.filled.torso.points
    ring = page.meta["bust"]["ring"]
    below = points[..., 1] - (ring[0] - ring[1] * points[..., 2]) < -0.012
    most = 0.0
    for sign in (-1, 1):
        pose = np.zeros(15)
        pose[4] = sign * np.radians(TURN)
        matrices = np.einsum("rcj,jkl->rckl", page.joint_shares[band], model.joint_matrices(model.pose(None, pose)))
        moved = np.einsum("rckl,rcl->rck", matrices[..., :3, :3], points) + matrices[..., :3, 3]
        most = max(most, float(np.linalg.norm(moved - points, axis=-1)[below].max()))
    return 1000 * most


class ValidPerson:
    """A VALID person as a textured mesh in meters, +Y up, +Z front, origin between the eyes."""

    def __init__(self, root: Path, name: str):
        data = np.load(root / "valid/valid_head.npz")
        p = [str(x) for x in data["people"]].index(name)
        vertices = data["template"] + data["neutral_delta_q"][p] * data["neutral_delta_scale"]
        glb = root / f"valid/glb/{name}_Casual.glb"
        parts = [(vertices, data["tris"].astype(np.int64), data["uv"], textures.color_map(glb), data["weld"])]
        self.wig = f"wig_{name}_tris" in data
        if self.wig:
            points = data[f"wig_{name}_pos_q"] * data["wig_pos_scale"]
            tris = data[f"wig_{name}_tris"].astype(np.int64)
            parts.append(
                (
                    points,
                    tris,
                    data[f"wig_{name}_uv_q"] / 65535,
                    textures.color_map(glb, wig=True),
                    np.arange(len(points)),
                )
            )
        self.parts = [
            (v.astype(np.float64), f, uv, image, self._normals(v, f, weld)) for v, f, uv, image, weld in parts
        ]

    @staticmethod
    def _normals(v: np.ndarray, faces: np.ndarray, weld: np.ndarray) -> np.ndarray:
        a, b, c = (v[faces[:, k]] for k in range(3))
        cross, total = np.cross(b - a, c - a), np.zeros((weld.max() + 1, 3))
        for k in range(3):
            np.add.at(total, weld[faces[:, k]], cross)
        n = total[weld]
        return n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-12)

    def draw(self, R: np.ndarray, t: np.ndarray, f: float, size: int) -> np.ndarray:
        """[4,size,size]: color over grey, coverage; lit softly from above and in front of the person. f in picture
        sides."""
        fine = 2 * size
        picture, nearest, cover = (
            np.full((fine, fine, 3), BACKGROUND),
            np.full((fine, fine), 1e8),
            np.zeros((fine, fine)),
        )
        light = np.array([0.3, 0.6, 0.74])
        for v, faces, uv, image, normal in self.parts:
            face, bary, depth = mesh.raster(v @ R.T + t, faces, f * fine, fine)
            hit = (face >= 0) & (depth < nearest)
            b = bary[hit]
            weights = np.stack([1 - b.sum(1), b[:, 0], b[:, 1]], 1)
            corners = faces[face[hit]]
            at = lambda values: np.einsum("nk,nkc->nc", weights, values[corners])  # noqa: B023
            n = at(normal)
            shade = 0.72 + 0.28 * (n @ light) / np.maximum(np.linalg.norm(n, axis=1), 1e-9)
            picture[hit] = np.clip(textures.sample(image, at(uv)) * shade[:, None], 0, 1)
            nearest[hit], cover[hit] = depth[hit], 1
        whole = np.concatenate([picture, cover[..., None]], 2).reshape(size, 2, size, 2, 4).mean((1, 3))
        return whole.transpose(2, 0, 1)


def person_camera(azimuth: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Camera on a VALID person: the head's middle a little above the picture's."""
    R = rotations(np.array([0, -np.radians(azimuth), 0]))
    return R, np.array([0, 0, -PERSON_DISTANCE]) - R @ np.array([0, -0.075, -0.08]), PERSON_FOCAL


def avatar_camera(photo: Photo, size: int, R0: np.ndarray, t0: np.ndarray, f0: float, R: np.ndarray, t: np.ndarray):
    """Camera (R, t) of a person's frame -> of the avatar's torso, given the photo's true camera (R0, t0, focal f0 in
    sides of a square picture of `size` pixels): the avatar is placed where the photo's pixels agree at the head's
    middle."""
    middle = np.array([0.0, 0.02, 0.0])
    roll = rotations(np.array([0, 0, -photo.crop.roll]))
    seen = roll @ (photo.R @ middle + photo.t)
    px, _ = photo.project(middle)
    photo_side = photo.image.shape[1]
    ray = np.array([(px[0] / photo_side - 0.5) / f0, -(px[1] / photo_side - 0.5) / f0, -1.0])
    true_depth = PERSON_DISTANCE - 0.01  # of the head's middle, 7 cm behind the eyes; the scale below follows from it
    focal = photo.focal * photo.crop.side / photo_side  # in picture sides
    scale = true_depth * focal / (-seen[2] * f0)
    shift = true_depth * ray - scale * seen
    # true camera point = scale * roll (Rf x + tf) + shift
    turn, torso = R @ R0.T, photo.torso
    return turn @ roll @ torso.R, (turn @ (scale * roll @ torso.t + shift - t0) + t) / scale


def people(maker: Maker, root: Path, names: list[str], folder: Path, sheet: Path | None = None) -> dict:
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    files, persons = [], {}
    for name in names:
        persons[name] = ValidPerson(root, name)
        file = folder / f"{name}.png"
        if not file.exists():
            picture = persons[name].draw(*person_camera(0), PERSON_SIZE)
            Image.fromarray(metrics.to_bytes(picture[:3])).save(file)
        files.append(file)
    made = maker.make(files)
    rows: dict[str, dict[str, list[float]]] = {}
    pictures = []
    for name, avatar in made.items():
        line = []
        for azimuth in (0, *NOVEL):
            R, t, f = person_camera(azimuth)
            truth = persons[name].draw(R, t, f, SIZE)
            camera = avatar_camera(avatar.photo, PERSON_SIZE, *person_camera(0), R, t)
            pose = leaning(avatar.photo)[1]
            before, after = (maker.draw(avatar, second, *camera, f, SIZE, pose) for second in (False, True))
            mask = truth[3] > 0.5
            score = [metrics.psnr(metrics.to_bytes(p[:3]), metrics.to_bytes(truth[:3]), mask) for p in (before, after)]
            cover = [float(((p[3] > 0.5) & mask).sum() / ((p[3] > 0.5) | mask).sum()) for p in (before, after)]
            key = f"{abs(azimuth)}°"
            row = rows.setdefault(key, {})
            for label, value in (
                ("today", score[0]),
                ("filled", score[1]),
                ("overlap_today", cover[0]),
                ("overlap_filled", cover[1]),
            ):
                row.setdefault(label, []).append(value)
            line.append(np.concatenate([truth[:3], before[:3], after[:3]], 1))
        pictures.append(np.concatenate(line, 2))
    if sheet:
        Image.fromarray(metrics.to_bytes(np.concatenate(pictures, 1).clip(0, 1))).save(sheet)
    out = {}
    for key, row in rows.items():
        out[key] = {label: metrics.summary(values) for label, values in row.items()}
        out[key]["gain_db"] = interval(np.array(row["filled"]) - np.array(row["today"]))
    return {"people": list(made), "views": out}


def measure(maker: Maker, made: Made, with_holes: bool) -> dict[str, float]:
    """Numbers of one portrait."""
    out = {"overlap_today": overlap(maker, made, False), "overlap_filled": overlap(maker, made, True)}
    out |= {
        "shoulders_mm": shoulder_motion(maker, made),
        "seconds": made.seconds,
        "gaussians": float(made.filled.count),
    }
    out["hair"] = float(made.filled.hair is not None)
    return out | ({"holes": holes(maker, made)} if with_holes else {})


def summarize(rows: dict[str, dict[str, float]]) -> dict:
    """Mean, least and most over portraits by name."""
    out: dict = {"photos": list(rows)}
    for key in dict.fromkeys(key for row in rows.values() for key in row):
        values = [row[key] for row in rows.values() if key in row]
        out[key] = {**metrics.summary(values), "least": float(np.min(values)), "most": float(np.max(values))}
    return out


def portraits(maker: Maker, files: list[Path], with_holes: int) -> dict:
    rows: dict[str, dict[str, float]] = {}
    for k in range(0, len(files), 10):
        for name, made in maker.make(files[k : k + 10]).items():
            rows[name] = measure(maker, made, len(rows) < with_holes)
            print(name, *(f"{key} {value:.4f}" for key, value in rows[name].items()), flush=True)
    return summarize(rows)


def opened() -> tuple[Path, Observers, Puppeteer, dict]:
    """The data, who finds faces, the model that ships, and what a result says of it."""
    from .__main__ import load_model

    root = default_data_root()
    if root is None:
        raise SystemExit("shared/data is needed")
    observers = Observers()
    if "tracker" in observers.missing or "fit" in observers.missing:
        raise SystemExit(str(observers.missing))
    config = json.loads((ROOT / "assets/models/models.json").read_text())["default"]
    avatar, step = load_model(config, None)
    return root, observers, Puppeteer(avatar, HeadModel.load()), {"model": config, "step": step}


def main() -> None:
    parser = argparse.ArgumentParser(description="Hair and bust against today's avatar.")
    parser.add_argument("--portraits", type=int, default=60)
    parser.add_argument("--people", type=int, default=len(PEOPLE))
    parser.add_argument("--holes", type=int, default=15, help="portraits whose holes are looked for, 24 pictures each")
    parser.add_argument("--even", action="store_true", help="the photos used for tuning")
    parser.add_argument("--sheet", type=Path, help="a contact sheet of the people")
    parser.add_argument("--out", type=Path, default=ROOT / "training/results/bust.json")
    a = parser.parse_args()
    root, observers, model, results = opened()
    maker = Maker(model, observers, root)
    files = sorted((root / "photos").glob("*.jpg"))[0 if a.even else 1 :: 2][: a.portraits]
    if a.people:
        results["people"] = people(maker, root, list(PEOPLE)[: a.people], ROOT / "training/cache/bust-people", a.sheet)
        for key, row in results["people"]["views"].items():
            print(key, {k: v["mean"] for k, v in row.items()})
    if files:
        results["portraits"] = portraits(maker, files, a.holes)
    a.out.write_text(json.dumps(results, indent=4) + "\n")


if __name__ == "__main__":
    main()
