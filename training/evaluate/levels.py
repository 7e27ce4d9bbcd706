"""What other levels of refinement are worth beside solved colors: refine/geometry.py, and the paper's,
refine/parameters.py.

    python -m training.evaluate.levels    # results/refinement-levels.json; the ablations take its rows over
    python -m training.evaluate.levels --portraits 2 --people 2 --out dry.json

Synthetic people: as in refined.py, other seeds. Masked PSNR in dB of views and expressions that no photo shows and of
the input view, from one photo and from four, with exact cameras and expressions; then what each row is above
feed-forward and above colors alone, paired by person. Landmarks are off as a finder's are. Rows "fitted": camera,
expression, anchors and prior are the shipped fit's on those landmarks; as its frame is not the truth's, avatars are
first brought to the truth by their landmarks at rest (rigidly). Rows: geometry: all parts of refine/geometry.py;
camera: that part; identity: that part by landmarks alone; photo to avatar: refine/warp.py. Portraits: of the even
photos of shared/data/photos, one photo each, measured as in refined.py. Seconds are of one core; memory is the most
that the process took above what it had."""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ..headmodel.model import HeadModel
from ..losses.perceptual import PerceptualDistance
from ..models.landmarks import Landmarks
from ..refine.geometry import GeometrySettings, fit_geometry
from ..refine.parameters import ParameterSettings, refine_parameters
from ..refine.portraits import Portrait, prepare
from ..refine.refine import refine
from ..refine.views import View
from ..refine.warp import WarpSettings, warp_photo
from ..synth.generator import Generator
from ..synth.skins import default_data_root
from . import metrics
from .captures import SITTER_SEED, Sitter
from .observers import Observers
from .paired import interval
from .puppets import Puppet, Puppeteer
from .refined import LEFT_OUT, SEATS, SIZE, TURN, Refiner, Seat, detail, draw, face_mask, tensor

ROOT = Path(__file__).parents[2]
FIRST_SITTER = SITTER_SEED + 9000  # neither refined.py's nor those that settings were chosen with
NONE, COLORS, GEOMETRY, CAMERA, IDENTITY = "none", "colors", "geometry + colors", "camera + colors", "identity + colors"
WARP, PARAMETERS, BOTH = "photo to avatar + colors", "parameters (paper)", "parameters (paper) + colors"
CAMERA_SETTINGS = GeometrySettings(parts=("camera",))
IDENTITY_SETTINGS = GeometrySettings(parts=("shape",), photometric=0, silhouette=0)  # landmarks alone: nothing is drawn
CASES = ("1 photo", "4 photos", "1 photo, fitted", "4 photos, fitted")
LANDMARK_ERROR = (0.007, 0.033)  # eye distances, least and most: a finder's errors differ from photo to photo
WAVES = 4  # directions of a smooth error


class Level(NamedTuple):
    puppet: Puppet
    view: View  # the first photo's, with the camera and expression that the level believes in


class Levels:
    """One avatar, and what each level makes of it."""

    def __init__(self, refiner: Refiner, net: PerceptualDistance | None):
        self.refiner, self.net = refiner, net
        self.geometries = {GEOMETRY: GeometrySettings(), CAMERA: CAMERA_SETTINGS, IDENTITY: IDENTITY_SETTINGS}
        self.parameters = ParameterSettings()
        self.seconds: dict[str, list[float]] = {}
        self.megabytes: dict[str, list[float]] = {}

    def rows(self, case: "Case", puppet: Puppet, views: list[View], of: str) -> dict[str, Level]:
        """`puppet` is the feed-forward avatar of the case; `of` says under which name cost is kept. Parts of geometry
        alone and the photo brought to the avatar are for one photo only."""
        refiner, splatter = self.refiner, self.refiner.splatter
        static = tensor(puppet.static)

        def colored(given: Puppet, seen: list[View]) -> Level:
            return Level(
                replace(given, static=refine(splatter, tensor(given.static), seen, refiner.settings).static.numpy()),
                seen[0],
            )

        def fitted(settings: GeometrySettings) -> Level:
            found = fit_geometry(
                splatter, static, views, lambda e: refiner.delta(puppet, e), settings, refiner.settings
            )
            return replace(puppet, static=found.static.numpy()), found.views

        def warped() -> list[View]:
            return [
                warp_photo(splatter, static, v, tensor(at), None, refiner.settings)
                for v, at in zip(views, puppet.coordinates)
            ]

        def adapted() -> Puppet:
            given = (tensor(case.photos), tensor(case.anchors), tensor(case.prior))
            made = refine_parameters(refiner.model.avatar, splatter, *given, views, self.net, self.parameters)
            return Puppet(made.static.numpy(), made.identity, None)

        out = {NONE: Level(puppet, views[0]), COLORS: self._timed(f"{COLORS}, {of}", lambda: colored(puppet, views))}
        alone = len(views) == 1
        for row, settings in self.geometries.items():
            if row != GEOMETRY and not alone:
                continue
            level = f"{row.removesuffix(f' + {COLORS}')}, {of}"
            out[row] = colored(*self._timed(level, lambda settings=settings: fitted(settings)))
        if puppet.coordinates is not None and alone:
            out[WARP] = colored(puppet, self._timed(f"photo to avatar, {of}", warped))._replace(view=views[0])
        made = self._timed(f"{PARAMETERS}, {of}", adapted)
        seen = [replace(view, delta=refiner.delta(made, view.expression)) for view in views]
        return out | {PARAMETERS: Level(made, seen[0]), BOTH: colored(made, seen)}

    def _timed(self, name: str, work: Callable):
        before, start = memory("VmRSS"), time.process_time()
        reset_peak()
        out = work()
        self.seconds.setdefault(name, []).append(time.process_time() - start)
        self.megabytes.setdefault(name, []).append(memory("VmHWM") - before)
        return out


def memory(name: str) -> float:
    """VmRSS (now) or VmHWM (at most) of this process in MB; 0 where /proc has none."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)


def reset_peak() -> None:
    """VmHWM begins anew (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # the peak since the process began is reported then


def found_by_finder(at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Landmarks [478,2] as a finder sees them: smooth errors, and a little of each landmark's own; as large as those of
    the generator's fits (`Generator._fit`)."""
    apart = np.hypot(*(at[[33, 133]].mean(0) - at[[362, 263]].mean(0)))
    place = (at - at.mean(0)) / apart

    def smooth(length: float) -> np.ndarray:
        wave = rng.normal(0, 2 * np.pi / length, (WAVES, 2))
        return np.cos(place @ wave.T + rng.uniform(0, 2 * np.pi, WAVES)) @ rng.normal(0, np.sqrt(2 / WAVES), (WAVES, 2))

    wander = rng.normal(0, 0.5, 2) + 0.7 * smooth(3.0) + 0.3 * smooth(1.0) + rng.normal(0, 0.2, at.shape)
    return (at + np.exp(rng.uniform(*np.log(LANDMARK_ERROR))) * apart * wander).astype(np.float32)


def rigid(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation [3,3] and shift [3] that bring points [n,3] nearest to others (Kabsch 1976)."""
    a, b = source.mean(0), target.mean(0)
    u, _, vt = np.linalg.svd((source - a).T @ (target - b))
    R = vt.T @ np.diag([1, 1, np.linalg.det(vt.T @ u.T)]) @ u.T
    return R, b - R @ a


@dataclass(frozen=True)
class Case:
    """What the reconstructor and the levels are given of one sitter."""

    photos: np.ndarray  # [n,3,S,S]
    anchors: np.ndarray  # [n,3,A,A]
    prior: np.ndarray  # [4,A,A]
    pictures: list[np.ndarray]  # [3,512,512]
    rests: list[dict]  # what else a View has, but for the driver's map
    fitted: bool = False  # camera and expression are those of the landmark fit


def cases(seat: Seat, observers: Observers, anchor_size: int) -> dict[str, Case]:
    """One photo and four with exact cameras and expressions, and with the shipped fit's, where Node is at hand."""
    rng = np.random.default_rng([seat.sitter.seed, 18])
    taken = [seat.photo(yaw, weights) for yaw, weights in SEATS]
    half = lambda x: x.reshape(3, x.shape[1] // 2, 2, x.shape[2] // 2, 2).mean((2, 4))
    photos, anchors = np.stack([half(p) for p, _, _ in taken]), np.stack([a for _, a, _ in taken])
    pictures = [p for p, _, _ in taken]
    rests = [rest | {"landmarks": found_by_finder(rest["landmarks"], rng)} for _, _, rest in taken]
    exact = lambda n: Case(photos[:n], anchors[:n], seat.sitter.prior, pictures[:n], rests[:n])
    out = {CASES[0]: exact(1), CASES[1]: exact(4)}
    if "fit" not in observers.missing:
        for title, n in ((CASES[2], 1), (CASES[3], 4)):
            fits = observers.fit(np.stack([rest["landmarks"] for rest in rests[:n]]), anchor_size, together=n)
            known = [
                rest
                | {"R": tensor(fit["rotation"]), "t": tensor(fit["translation"]), "focal": float(fit["focal"][0])}
                | {"expression": fit["expression"]}
                for rest, fit in zip(rests, fits)
            ]
            out[title] = Case(
                photos[:n], np.stack([fit["anchors"] for fit in fits]), fits[0]["prior"], pictures[:n], known, True
            )
    return out


def of_sitter(
    levels: Levels, sitter: Sitter, observers: Observers, wanted: list[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """case -> row -> masked PSNR by view, of the cases wanted."""
    refiner, model = levels.refiner, levels.refiner.model
    landmarks = Landmarks(model.head)
    rest_points = lambda static: landmarks.points(
        static[:3], np.zeros(len(model.head.expressions), np.float32), np.zeros(15)
    )
    shots = {name: sitter.shot(yaw, 0, sitter.expression(**weights)) for name, (yaw, weights) in LEFT_OUT.items()}
    shots["input view"] = sitter.shot(0, 2)
    truth, scores = rest_points(sitter.static)[landmarks.mapped], {}
    for title, case in cases(Seat(sitter, landmarks), observers, model.avatar.config.anchor_size).items():
        if title not in wanted:
            continue
        puppet = model.make(case.photos, case.anchors, case.prior)
        views = [
            View(image=tensor(p), delta=refiner.delta(puppet, rest["expression"]), **rest)
            for p, rest in zip(case.pictures, case.rests)
        ]
        scores[title] = {}
        for row, (made, _) in levels.rows(case, puppet, views, title).items():
            R, t = rigid(rest_points(made.static)[landmarks.mapped], truth) if case.fitted else (np.eye(3), np.zeros(3))
            score = scores[title][row] = {}
            for name, shot in shots.items():
                seen = replace(shot, R=shot.R @ R, t=shot.R @ t + shot.t)
                score[name] = metrics.psnr(
                    model.splat(made.static, model.delta(made, shot.position_map), seen), shot.picture, shot.mask
                )
            score["left out"] = float(np.mean([score[name] for name in LEFT_OUT]))
    return scores


def tabulate(people: list[dict[str, dict[str, dict[str, float]]]]) -> dict[str, dict]:
    """Scores of people -> rows `1 photo: colors`, and differences `1 photo: colors, over none`, paired by person."""
    out: dict[str, dict] = {}
    for case in CASES:
        shown = [person[case] for person in people if case in person]
        for row, columns in shown[0].items() if shown else ():
            out[f"{case}: {row}"] = {name: interval(p[row][name] for p in shown) for name in columns}
            for base in (NONE, COLORS):
                if row not in (NONE, base):
                    out[f"{case}: {row}, over {base}"] = {
                        name: interval(p[row][name] - p[base][name] for p in shown) for name in columns
                    }
    return out


def portraits(levels: Levels, observers: Observers, prepared: list[Portrait]) -> dict[str, dict]:
    """Rows of levels: means over portraits, and differences to colors alone."""
    return tabulate_portraits(*draw_portraits(levels, prepared), observers)


Values = dict[str, dict[str, list[float]]]  # row -> metric -> one value per portrait
Drawn = dict[str, dict[int, list[np.ndarray]]]  # row -> degrees turned -> one picture per portrait


def draw_portraits(levels: Levels, prepared: list[Portrait]) -> tuple[Values, Drawn, list[np.ndarray]]:
    """What is measured without nets, the pictures, and the photos over grey."""
    refiner = levels.refiner
    values: Values = {}
    drawn: Drawn = {}
    photos, start = [], time.monotonic()
    for portrait in prepared:
        puppet = refiner.of_portrait(portrait)
        view = refiner.view(puppet, portrait, SIZE)
        size = refiner.model.avatar.config.encoder.photo_size
        grey = (0.5 + view.matte * (view.image - 0.5))[None]
        grey = torch.nn.functional.interpolate(
            grey, (size, size), mode="bilinear", antialias=True, align_corners=False
        )[0].numpy()
        case = Case(grey[None], portrait.fit["anchors"][None], portrait.fit["prior"], [portrait.image], [], True)
        rows = levels.rows(case, puppet, [view], "portrait")
        mask, photo = face_mask(portrait, view), metrics.to_bytes(view.image.numpy())
        photos.append(metrics.to_bytes((0.5 + view.matte * (view.image - 0.5)).numpy()))
        for row, (made, shown) in rows.items():
            for turn in (0, -TURN, TURN):
                picture = draw(refiner, tensor(made.static), shown, SIZE, turn)
                drawn.setdefault(row, {}).setdefault(turn, []).append(picture)
            for name, value in detail(drawn[row][0][-1], photo, mask).items():
                values.setdefault(row, {}).setdefault(name, []).append(value)
        print(f"{time.monotonic() - start:6.0f} s  {portrait.name}", flush=True)
    return values, drawn, photos


def tabulate_portraits(values: Values, drawn: Drawn, photos: list[np.ndarray], observers: Observers) -> dict[str, dict]:
    """CSIM against the photo, in its view and turned, beside the values; means, and differences to colors alone."""
    if not observers.missing.keys() & {"tracker", "recognition"}:
        of_photos = observers.look(photos)
        for row, turns in drawn.items():
            seen = {turn: observers.look(pictures) for turn, pictures in turns.items()}
            for net in next((face.identity for face in of_photos if face), {}):
                same = lambda faces, net=net: [
                    float(a.identity[net] @ b.identity[net]) if a and b else np.nan for a, b in zip(faces, of_photos)
                ]
                values[row][f"csim_{net}"] = same(seen[0])
                values[row][f"csim_{net}_turned_{TURN}"] = list(np.nanmean([same(seen[-TURN]), same(seen[TURN])], 0))
    over = {
        f"{row}, over {COLORS}": {name: list(np.subtract(v, values[COLORS][name])) for name, v in columns.items()}
        for row, columns in values.items()
        if row not in (NONE, COLORS)
    }
    known = lambda v: [x for x in v if not np.isnan(x)]
    return {row: {name: interval(known(v)) for name, v in columns.items()} for row, columns in (values | over).items()}


def main() -> None:
    from .__main__ import load_model

    parser = argparse.ArgumentParser(description="Measure what levels of refinement are worth.")
    parser.add_argument("--config", help="default: the default of assets/models/models.json")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--portraits", type=int, default=8)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=CASES)
    parser.add_argument("--first", type=int, default=FIRST_SITTER, help="seed of the first of them")
    parser.add_argument("--out", type=Path, default=ROOT / "training/results/refinement-levels.json")
    a = parser.parse_args()
    torch.set_num_threads(1)
    config = a.config or json.loads((ROOT / "assets/models/models.json").read_text())["default"]
    avatar, step = load_model(config, a.checkpoint)
    head = HeadModel.load()
    observers = Observers()
    missing = dict(observers.missing)
    try:
        net = PerceptualDistance()
    except RuntimeError as error:
        net, missing["perceptual"] = None, str(error)
    levels = Levels(Refiner(Puppeteer(avatar, head)), net)
    out = json.loads(a.out.read_text()) if a.out.exists() else {}
    out |= {
        "model": {"config": config, "step": step},
        "missing": missing,
        "notes": __doc__.split("\n\n", 2)[2].replace("\n", " "),
    }
    settings = levels.geometries | {WARP: WarpSettings(), PARAMETERS: levels.parameters}
    out["settings"] = {name: asdict(values) for name, values in settings.items()}

    def write() -> None:
        out["cost"] = {"seconds": {name: interval(v) for name, v in levels.seconds.items()}}
        out["cost"]["megabytes"] = {name: round(max(v)) for name, v in levels.megabytes.items()}
        a.out.write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")

    if a.people:
        generator = Generator(head, photo_size=SIZE)
        start, people = time.monotonic(), []
        for i in range(a.people):
            people.append(of_sitter(levels, Sitter(generator, a.first + i), observers, a.cases))
            print(f"{time.monotonic() - start:6.0f} s  sitter {a.first + i}", flush=True)
            out["synthetic"] = tabulate(people)
            write()
    root = default_data_root()
    files = sorted((root / "photos").glob("*.jpg"))[::2] if root else []
    files = (
        [files[i] for i in np.linspace(0, len(files) - 1, min(a.portraits, len(files))).round().astype(int)]
        if files
        else []
    )
    if files and not observers.missing.keys() & {"tracker", "fit"}:
        out["portraits"] = portraits(levels, observers, prepare(files, observers, avatar.config.anchor_size))
        write()
    for study in ("synthetic", "portraits"):
        for row, columns in out.get(study, {}).items():
            print(f"{row:55}" + "  ".join(f"{k} {v['mean']:.3f} ± {v['ci95']:.3f}" for k, v in columns.items()))


if __name__ == "__main__":
    main()
