"""What refinement (training/refine) is worth: sharpness and likeness on portraits, left-out views of synthetic people
with exact cameras.

    python -m training.evaluate.refined                # training/results/refinement.json
    python -m training.evaluate.refined --portraits 4 --people 2 --out dry.json

A run that is stopped goes on where it was; what is measured of each person is kept (`--keep`).

Portraits: of the odd photos of shared/data/photos; the even ones were used for tuning. Face: convex hull of the
landmarks, inside the photo, at 512²; `*_1024` at the photo's own resolution where its crop has at least 900 pixels.
Fine contrast: mean |LoG| (sigma 1.2 px) of the avatar's luminance over the photo's; LoG correlation at the best shift
of at most 3 px. Seam: gradient of luminance on the map where trust falls through one half, over that 8 texels inside;
the map before is given beside it. Left to right: the smaller over the larger fine contrast of the head turned by 25
degrees to either side. CSIM as in real_photos.py. Synthetic people: generated sitters at 512² whose photo's camera and
expression are known exactly; masked PSNR in dB of views and expressions that no photo shows, before, and the difference
that refinement makes, paired by person. Spikes: coverage outside of the true silhouette and 2 pixels around it at +60°,
in percent of the silhouette."""

import argparse
import json
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import binary_dilation, gaussian_laplace, sobel
from scipy.spatial import ConvexHull

from ..bust.outline import draw_in
from ..headmodel.model import HeadModel
from ..headmodel.texels import head_texels, position_map
from ..models.landmarks import Landmarks, project
from ..native import CACHE
from ..rasterizer.avatar_splatter import AvatarSplatter
from ..refine.portraits import Portrait, prepared
from ..refine.refine import Refined, refine
from ..refine.settings import RefineSettings
from ..refine.views import View
from ..synth.cameras import crop_camera, rotation
from ..synth.generator import Generator
from ..synth.lighting import LUMA
from ..synth.picture import NOTHING, Worn
from ..synth.raster import render_maps
from . import metrics
from .captures import FOCAL, SITTER_SEED, Shot, Sitter
from .observers import Observers
from .paired import interval
from .puppets import Puppet, Puppeteer
from .real_photos import compare, disturbed

ROOT = Path(__file__).parents[2]
RULES = ROOT / "training/refine"
SIGMA, SHIFT, SIZE = 1.2, 3, 512  # px of fine detail, most pixels of shift, edge
TURN = 25  # degrees
LARGE = 900  # pixels of a crop that counts as one of 1024
SHADE = 0.5
FIRST_SITTER = SITTER_SEED + 5000  # never used for tuning
LEFT_OUT = {
    "+30°, smile": (30, {"mouthSmile": 0.8, "cheekSquint": 0.4}),
    "-30°": (-30, {}),
    "+60°": (60, {}),
    "-60°, jaw open": (-60, {"jawOpen": 0.5}),
}
SPIKE_VIEW, SPIKE_REACH = "+60°", 2  # pixels
SEATS = ((0, {}), (35, {"mouthSmile": 0.5}), (-35, {}), (10, {"jawOpen": 0.3}))  # yaw and expression of four photos


def tensor(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, np.float32))


class Refiner:
    """A model's avatars with the photos' detail."""

    def __init__(self, model: Puppeteer, settings: RefineSettings | None = None):
        self.model, self.settings = model, settings or RefineSettings()
        config = model.avatar.config
        self.splatter = AvatarSplatter(model.head, config.map_size)
        self.head, self.table = head_texels(config.position_map_size)

    def delta(self, puppet: Puppet, expression: np.ndarray) -> torch.Tensor:
        """The driver's map for an expression at rest pose."""
        return tensor(self.model.delta(puppet, position_map(self.head, self.table, expression, np.zeros(15))))

    def view(self, puppet: Puppet, portrait: Portrait, size: int) -> View:
        """A portrait at a chosen size."""
        image, inside = tensor(portrait.image), tensor(portrait.inside)
        if portrait.image.shape[-1] != size:
            scale = lambda x: torch.nn.functional.interpolate(
                x[None], size=(size, size), mode="bilinear", antialias=True, align_corners=False
            )[0]
            image, inside = scale(image), (scale(inside[None])[0] > 0.999).float()
        fit = portrait.fit
        camera = tensor(fit["rotation"]), tensor(fit["translation"]), float(fit["focal"][0])
        delta = self.delta(puppet, fit["expression"])
        matte, image = (tensor(x) for x in portrait.cut_out(image.numpy()))
        return View(image, matte, inside, portrait.landmarks, *camera, fit["expression"], delta)

    def refine(self, puppet: Puppet, views: list[View]) -> Refined:
        return refine(self.splatter, tensor(puppet.static), views, self.settings)

    def of_portrait(self, portrait: Portrait) -> Puppet:
        """The feed-forward avatar of a portrait, its head drawn in to the photo's outline."""
        size, fit = self.model.avatar.config.encoder.photo_size, portrait.fit
        scaled = lambda x: torch.nn.functional.interpolate(
            tensor(x)[None], size=(size, size), mode="bilinear", antialias=True, align_corners=False
        )[0].numpy()
        matte, image = portrait.cut_out(scaled(portrait.image))
        grey = 0.5 + matte * (image - 0.5)
        puppet = self.model.make(grey[None], fit["anchors"][None], fit["prior"])
        camera = fit["rotation"].astype(float), fit["translation"].astype(float), float(fit["focal"][0])
        inside = (scaled(portrait.inside[None])[0] > 0.999).astype(float)
        table = self.splatter.table
        return replace(puppet, static=draw_in(self.model.head, table, puppet.static, matte, inside, camera))


def draw(refiner: Refiner, static: torch.Tensor, view: View, size: int, turn: float = 0) -> np.ndarray:
    """u8 [size,size,3] over grey, under the view's camera turned about the head's vertical."""
    R = view.R.double().numpy() @ rotation(np.radians(turn), 0, 0)
    camera = R, view.t.double().numpy(), view.focal * size
    picture = render_maps(
        refiner.model.head, static.numpy(), view.delta.numpy(), view.expression, np.zeros(15), *camera, size, SHADE
    )
    return metrics.to_bytes(picture)


def fine(picture: np.ndarray) -> np.ndarray:
    """Laplacian of Gaussian of the luminance of a picture u8."""
    return gaussian_laplace(metrics.unit(picture).astype(np.float64) @ LUMA, SIGMA)


def face_mask(portrait: Portrait, view: View) -> np.ndarray:
    size = view.size
    at = portrait.landmarks[:468] * size
    return metrics.polygon_mask(at[ConvexHull(at).vertices], size, 0) & (view.inside.numpy() > 0)


def detail(picture: np.ndarray, photo: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """PSNR, fine contrast and LoG correlation of a face."""
    ours, wanted = fine(picture), fine(photo)
    shifts = [(dy, dx) for dy in range(-SHIFT, SHIFT + 1) for dx in range(-SHIFT, SHIFT + 1)]
    return {
        "face_psnr": metrics.psnr(picture, photo, mask),
        "fine_contrast": float(np.abs(ours[mask]).mean() / np.abs(wanted[mask]).mean()),
        "log_correlation": max(
            float(np.corrcoef(np.roll(ours, shift, (0, 1))[mask], wanted[mask])[0, 1]) for shift in shifts
        ),
    }


def seam(color: torch.Tensor, trust: torch.Tensor, outer: np.ndarray) -> float:
    """Gradient of luminance across the border of trust over that 8 texels inside it; colors [3,U,U]."""
    from scipy.ndimage import distance_transform_edt

    light = np.einsum("chw,c->hw", color.double().numpy(), LUMA)
    slope = np.hypot(sobel(light, 0), sobel(light, 1))
    believed = (trust.numpy() > 0.5) & outer
    depth = distance_transform_edt(believed) - distance_transform_edt(~believed & outer)
    border, inside = (np.abs(depth) <= 2) & outer, (depth > 6) & (depth <= 10)
    return float(slope[border].mean() / max(slope[inside].mean(), 1e-6)) if border.any() and inside.any() else 1.0


def sides(pictures: tuple[np.ndarray, np.ndarray]) -> float:
    """Fine contrast of the head turned to one side over the head turned to the other, the smaller over the larger."""
    a, b = (float(np.abs(fine(p)).mean()) for p in pictures)
    return min(a, b) / max(a, b, 1e-9)


class Kept:
    """What was measured of each person, in a folder of npz files, so that a run that is stopped goes on where it was.

    Numbers are kept under `row/name`, arrays as they are. The folder's name tells the rules of refinement and the model
    from others."""

    def __init__(self, folder: Path, model: str):
        rules = [file.read_bytes() for file in sorted(RULES.glob("*.py"))]
        self.folder = folder / f"{model}-{zlib.crc32(b''.join(rules)):08x}"
        self.folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        file = self.folder / f"{name}.npz"
        return dict(np.load(file)) if file.exists() else None

    def write(self, name: str, content: dict) -> dict[str, np.ndarray]:
        unfinished = self.folder / f"{name}.part.npz"
        np.savez_compressed(unfinished, **content)
        unfinished.rename(self.folder / f"{name}.npz")
        return dict(np.load(self.folder / f"{name}.npz"))


def rows_of(kept: list[dict[str, np.ndarray]]) -> dict[str, dict[str, list[float]]]:
    """row -> name -> values, of the numbers of each person."""
    rows: dict[str, dict[str, list[float]]] = {}
    for person in kept:
        for key, value in person.items():
            if value.ndim == 0:
                row, name = key.split("/")
                rows.setdefault(row, {}).setdefault(name, []).append(float(value))
    return rows


def measure_portrait(refiner: Refiner, portrait: Portrait, outer: np.ndarray) -> dict:
    """Numbers under `row/name`; pictures under `photo` and `row turn`."""
    puppet = refiner.of_portrait(portrait)
    view = refiner.view(puppet, portrait, SIZE)
    refined = refiner.refine(puppet, [view])
    mask, photo = face_mask(portrait, view), metrics.to_bytes(view.image.numpy())
    out: dict = {"photo": metrics.to_bytes((SHADE + view.matte * (view.image - SHADE)).numpy())}
    for row, static in (("1 photo", tensor(puppet.static)), ("refined", refined.static)):
        pictures = {turn: draw(refiner, static, view, SIZE, turn) for turn in (0, -TURN, TURN)}
        values = detail(pictures[0], photo, mask)
        values |= {
            "seam": seam(static[4:7], refined.trust, outer),
            "left_to_right": sides((pictures[-TURN], pictures[TURN])),
        }
        out |= {f"{row} {turn}": picture for turn, picture in pictures.items()} | {
            f"{row}/{k}": v for k, v in values.items()
        }
    if portrait.image.shape[-1] >= LARGE:
        large = refiner.view(puppet, portrait, portrait.image.shape[-1])
        sharp = refiner.refine(puppet, [large])
        wanted = metrics.to_bytes(large.image.numpy())
        for row, static in (("1 photo", tensor(puppet.static)), ("refined", sharp.static)):
            values = detail(draw(refiner, static, large, large.size), wanted, face_mask(portrait, large))
            out |= {f"{row}/{k}_1024": v for k, v in values.items()}
    return out


def portraits(model: Puppeteer, observers: Observers, files: list[Path], kept: Kept) -> dict[str, dict]:
    """Rows `1 photo` and `refined`: means over portraits."""
    refiner, start = Refiner(model), time.monotonic()
    outer = refiner_outer(refiner)
    people: dict[str, dict] = {}
    for portrait in prepared(files, observers, model.avatar.config.anchor_size, kept.folder.parent):
        name = f"portrait-{portrait.name}"
        people[portrait.name] = kept.read(name) or kept.write(name, measure_portrait(refiner, portrait, outer))
        print(f"{time.monotonic() - start:6.0f} s  {portrait.name}", flush=True)
    out = {
        row: {name: metrics.summary(v) for name, v in values.items()}
        for row, values in rows_of(list(people.values())).items()
    }
    photos = [person["photo"] for person in people.values()]
    drawn = {f"{row} {turn}": [p[f"{row} {turn}"] for p in people.values()] for row in out for turn in (0, -TURN, TURN)}
    if not observers.missing.keys() & {"tracker", "recognition"}:
        identities(observers, photos, drawn, out)
    return out


def refiner_outer(refiner: Refiner) -> np.ndarray:
    from ..refine.atlas import Atlas

    atlas = Atlas(refiner.model.head, refiner.splatter.table, refiner.settings)
    return atlas.outer.numpy() > 0


def identities(
    observers: Observers, photos: list[np.ndarray], drawn: dict[str, list[np.ndarray]], out: dict[str, dict]
) -> None:
    """CSIM against the photo, the way from another person to the same one, and the share of photos on which refinement
    raises it."""
    copies = [disturbed(photo) for photo in photos]
    observers.look([*photos, *copies, *(p for pictures in drawn.values() for p in pictures)])
    of_photos, of_copies = observers.look(photos), observers.look(copies)
    seen = {key: observers.look(pictures) for key, pictures in drawn.items()}
    for net in next((face.identity for face in of_photos if face), {}):
        known = [face for face in of_photos if face]
        wrong = float(np.mean([a.identity[net] @ b.identity[net] for i, a in enumerate(known) for b in known[:i]]))
        same = float(np.mean(compare(of_copies, of_photos, net)))
        out.setdefault("oracle: a disturbed copy of the photo", {})[f"csim_{net}"] = metrics.summary(
            compare(of_copies, of_photos, net)
        )
        out.setdefault("floor: photos of two people", {})[f"csim_{net}"] = metrics.summary([wrong])
        for name, turns in (("", (0,)), (f"_turned_{TURN}", (-TURN, TURN))):
            value = {}
            for row in ("1 photo", "refined"):
                each = [
                    [
                        float(f.identity[net] @ p.identity[net]) if f and p else np.nan
                        for f, p in zip(seen[f"{row} {t}"], of_photos)
                    ]
                    for t in turns
                ]
                value[row] = np.nanmean(each, 0)
                found = value[row][~np.isnan(value[row])]
                out[row][f"csim_{net}{name}"] = metrics.summary(list(found))
                way = 100 * (found - wrong) / (same - wrong)
                out[row][f"way_to_same_person_percent_{net}{name}"] = metrics.summary(list(way))
            up = (value["refined"] > value["1 photo"])[~np.isnan(value["refined"] + value["1 photo"])]
            out["refined"][f"raised_percent_{net}{name}"] = metrics.summary(list(100.0 * up))


class Seat:
    """A synthetic person at 512² with photos of exactly known camera and expression."""

    def __init__(self, sitter: Sitter, landmarks: Landmarks):
        self.sitter, self.landmarks = sitter, landmarks

    def photo(self, yaw: float, weights: dict[str, float], worn: Worn = NOTHING) -> tuple[np.ndarray, np.ndarray, dict]:
        """Picture [3,S,S] with camera flaws over grey, anchors [3,A,A], and what a View needs besides the driver's
        map."""
        sitter, g = self.sitter, self.sitter.generator
        rng = np.random.default_rng([sitter.seed, round(yaw) % 360])
        expression = sitter.expression(**weights)
        face = g.face(sitter.person, expression, np.zeros(15))
        camera = crop_camera(*g.rig.crop_points(face.skin), np.radians(yaw), np.radians(2), FOCAL, g.photo_size)
        shade = g.occlusion_of(sitter.person, face, sitter.lit)
        picture, coverage = g.render(sitter.person, face, camera, sitter.light, sitter.tone, shade, worn)[:2]
        points = self.landmarks.points(sitter.static[:3], expression, np.zeros(15))
        at = project(points, camera.R, camera.t, camera.f, g.photo_size) / g.photo_size
        rest = {
            "matte": tensor(coverage),
            "inside": torch.ones(g.photo_size, g.photo_size),
            "landmarks": at.astype(np.float32),
            "R": tensor(camera.R),
            "t": tensor(camera.t),
            "focal": float(camera.f / g.photo_size),
            "expression": expression,
        }
        return (
            g.photographer.photograph(rng, picture, coverage),
            g.photographer.fit(rng, sitter.person, face, camera),
            rest,
        )


def spikes(refiner: Refiner, static: torch.Tensor, delta: np.ndarray, shot: Shot) -> float:
    """Coverage outside of the true silhouette and the SPIKE_REACH pixels around it, in percent of the silhouette."""
    skin = refiner.splatter.skin(shot.expression, shot.pose)
    camera = tensor(shot.R), tensor(shot.t), shot.f
    drawn = refiner.splatter.picture(static, tensor(delta), skin, *camera, len(shot.mask), torch.zeros(3))
    outside = ~binary_dilation(shot.mask, iterations=SPIKE_REACH)
    return float(100 * drawn[3].numpy()[outside].sum() / shot.mask.sum())


def measure_sitter(refiner: Refiner, landmarks: Landmarks, sitter: Sitter) -> dict[str, float]:
    """`row/view` -> dB, and spikes."""
    model, seat = refiner.model, Seat(sitter, landmarks)
    taken = [seat.photo(yaw, weights) for yaw, weights in SEATS]
    shots = {name: sitter.shot(yaw, 0, sitter.expression(**weights)) for name, (yaw, weights) in LEFT_OUT.items()}
    shots["input view"] = sitter.shot(0, 2)
    out = {}
    for count, title in ((1, "1 photo"), (4, "4 photos")):
        some = taken[:count]
        half = lambda x: x.reshape(3, x.shape[1] // 2, 2, x.shape[2] // 2, 2).mean((2, 4))
        puppet = model.make(np.stack([half(p) for p, _, _ in some]), np.stack([a for _, a, _ in some]), sitter.prior)
        views = [View(image=tensor(p), delta=refiner.delta(puppet, rest["expression"]), **rest) for p, _, rest in some]
        statics = tensor(puppet.static), refiner.refine(puppet, views).static
        scores = {}
        for name, shot in shots.items():
            delta = model.delta(puppet, shot.position_map)
            scores[name] = [
                metrics.psnr(model.splat(static.numpy(), delta, shot), shot.picture, shot.mask) for static in statics
            ]
            if name == SPIKE_VIEW:
                scores["spikes at 60°, %"] = [spikes(refiner, static, delta, shot) for static in statics]
        scores["left out"] = list(np.mean([scores[name] for name in LEFT_OUT], 0))
        for name, (before, after) in scores.items():
            out |= {f"{title}/{name}": before, f"{title}, refined/{name}": after}
            out[f"{title}, refined, over {title}/{name}"] = after - before
    return out


def synthetic(model: Puppeteer, generator: Generator, seeds: list[int], kept: Kept) -> dict[str, dict]:
    """Rows of masked PSNR per left-out view: `before`, and `refined` over it, from one photo and from four."""
    refiner, landmarks = Refiner(model), Landmarks(model.head)
    start, people = time.monotonic(), []
    for seed in seeds:
        name = f"sitter-{seed}"
        people.append(kept.read(name) or kept.write(name, measure_sitter(refiner, landmarks, Sitter(generator, seed))))
        print(f"{time.monotonic() - start:6.0f} s  {name}", flush=True)
    return {row: {name: interval(v) for name, v in columns.items()} for row, columns in rows_of(people).items()}


def main() -> None:
    from .__main__ import load_model

    parser = argparse.ArgumentParser(description="Measure what refinement is worth.")
    parser.add_argument("--config", help="default: the default of assets/models/models.json")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--portraits", type=int, default=60)
    parser.add_argument("--people", type=int, default=32)
    parser.add_argument(
        "--keep", type=Path, default=CACHE / "refined", help="results of each person, so that a stopped run goes on"
    )
    parser.add_argument("--only-kept", action="store_true", help="sum up what is kept, and measure nothing new")
    parser.add_argument("--out", type=Path, default=ROOT / "training/results/refinement.json")
    a = parser.parse_args()
    torch.set_num_threads(1)
    from ..synth.skins import default_data_root

    config = a.config or json.loads((ROOT / "assets/models/models.json").read_text())["default"]
    avatar, step = load_model(config, a.checkpoint)
    head = HeadModel.load()
    model, observers = Puppeteer(avatar, head), Observers()
    root = default_data_root()
    files = sorted((root / "photos").glob("*.jpg"))[1::2] if root else []
    files = [files[i] for i in np.linspace(0, len(files) - 1, min(a.portraits, len(files))).round().astype(int)]
    out = json.loads(a.out.read_text()) if a.out.exists() else {}
    out |= {"model": {"config": config, "step": step}, "settings": vars(RefineSettings()), "missing": observers.missing}
    out["notes"] = __doc__.split("\n\n", 3)[3].replace("\n", " ")

    kept = Kept(a.keep, f"{config}-{step}")

    def write() -> None:
        a.out.write_text(json.dumps(out, indent=1) + "\n")

    if a.people:
        seeds = [
            seed
            for seed in range(FIRST_SITTER, FIRST_SITTER + a.people)
            if not a.only_kept or kept.read(f"sitter-{seed}")
        ]
        out["synthetic"] = synthetic(model, Generator(head, photo_size=SIZE), seeds, kept)
        write()
    if files and not observers.missing.keys() & {"tracker", "fit"}:
        files = [file for file in files if not a.only_kept or kept.read(f"portrait-{file.stem}")]
        out["portraits"] = portraits(model, observers, files, kept)
        write()
    for study in ("synthetic", "portraits"):
        for row, columns in out.get(study, {}).items():
            print(f"{row:45}" + "  ".join(f"{k} {v['mean']:.3f} ± {v['ci95']:.3f}" for k, v in columns.items()))


if __name__ == "__main__":
    main()
