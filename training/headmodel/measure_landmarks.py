"""Where MediaPipe sees its 478 landmarks on the open head: photograph synthetic people, detect, project back, take the
middle.

`python -m training.headmodel.measure_landmarks` writes media_pipe_landmarks.json, which the build reads: points on the
template in meters, so they survive a new atlas. It runs in an environment of its own
(training/requirements-landmarks.txt). The people come from training/synth with the MakeHuman skins of shared/data, the
detector is the Face Landmarker of shared/data; both are input only.

What is not measured:
- mirror symmetry: the head has it and a detector nearly, so each landmark is averaged with the mirror image of its
  partner;
- the height of the brows: the generator paints them a fixed way above the eyes, so renders cannot tell. `BROW_DROP` was
  set by hand: with it, fits to 50 photos neither raise nor lower the brows on average (0 makes them frown); their
  residual is 2 % over its least;
- the present head is the start: the generator paints eyes, nose and mouth around its landmarks 33, 133, 362, 263, 61,
  291 and 1.

The same environment and head give the same bytes. Starting from the head built on its own table moves the landmarks by
0.08 mm on average.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..synth import lighting, mesh
from ..synth.cameras import crop_camera
from ..synth.generator import Generator
from ..synth.skins import default_data_root
from .landmarks import MEASURED, closest_on_mesh
from .model import HeadModel

SIZE = 512  # pixels of a picture, all of it the crop of docs/conventions.md
FOCAL = 2.4  # in picture widths
YAW, PITCH = 0.3, 0.12  # radians; further turned, the detector guesses the far side
JAW_OPEN = 0.35  # every third face: only then are the inner lips apart
REACH = 9  # pixels a landmark may lie beside the regions it belongs to, as it does on a silhouette
LEAST = 4  # sightings a landmark needs
BROWS = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 336, 296, 334, 293, 300, 285, 295, 282, 283, 276]
BROW_DROP = 0.003  # meters
IRIS_PARTNERS = [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]  # of 468 to 477: middle, then round the iris
GROUPS = {  # landmarks, and the regions they may lie on
    range(0, 468): ("face", "lids", "lips"),
    range(468, 473): ("eyeRight",),
    range(473, 478): ("eyeLeft",),
}


@dataclass
class Photo:
    """picture [SIZE,SIZE,3] u8; face [SIZE,SIZE] i32 (-1 background) and weights [SIZE,SIZE,2] of its corners 0 and 1
    under each pixel."""

    picture: np.ndarray
    face: np.ndarray
    weights: np.ndarray


def take_photo(generator: Generator, seed: int) -> Photo:
    """A random person near the front; every third has the jaw open."""
    rng, rig = np.random.default_rng(seed), generator.rig
    person, light = generator.person(rng), lighting.sample_light(rng)
    lit = generator.occlusion.lit(light)
    tone = lighting.sample_tone(rng, float(person.look.skin_color @ lighting.LUMA))
    expression = rig.model.expression_vector(jawOpen=JAW_OPEN if seed % 3 == 0 else 0.0)
    face = generator.face(person, expression, np.zeros(15))
    camera = crop_camera(*rig.crop_points(face.skin), rng.uniform(-YAW, YAW), rng.uniform(-PITCH, PITCH), FOCAL, SIZE)
    picture, coverage = generator.render(person, face, camera, light, tone, generator.occlusion_of(person, face, lit))[
        :2
    ]
    picture = picture * coverage[..., None] + 0.6 * (1 - coverage[..., None])
    index, weights, _ = mesh.raster(camera.to_camera(face.posed), rig.faces, camera.f, SIZE)
    return Photo((picture.clip(0, 1) * 255).astype(np.uint8), index, weights)


def detect(pictures: list[np.ndarray], bundle: Path) -> list[np.ndarray | None]:
    """Landmarks [478,2] in pixels of each picture, None where no face is found. `bundle` is face_landmarker.task."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(bundle)),
        min_face_detection_confidence=0.2,
        min_face_presence_confidence=0.2,
    )
    out: list[np.ndarray | None] = []
    with vision.FaceLandmarker.create_from_options(options) as detector:
        for picture in pictures:
            found = detector.detect(
                mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
            )
            out.append(np.array([[p.x, p.y] for p in found.face_landmarks[0]]) * SIZE if found.face_landmarks else None)
    return out


def project_back(photo: Photo, at: np.ndarray, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Face [n] (-1: none within REACH) and barycentrics [n,3] of the pixel nearest to each of `at` [n,2] on the faces
    `allowed` [F]."""
    rows, columns = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].reshape(2, -1)
    column = np.clip(np.floor(at[:, :1]).astype(int) + columns, 0, SIZE - 1)
    row = np.clip(np.floor(at[:, 1:]).astype(int) + rows, 0, SIZE - 1)
    face = photo.face[row, column]
    distance = np.hypot(column + 0.5 - at[:, :1], row + 0.5 - at[:, 1:])
    distance = np.where((face >= 0) & allowed[face], distance, np.inf)
    best = np.arange(len(at)), distance.argmin(1)
    first = photo.weights[row[best], column[best]]
    return np.where(distance[best] <= REACH, face[best], -1), np.column_stack([first, 1 - first.sum(1)])


def geometric_median(points: np.ndarray) -> np.ndarray:
    """The point [3] with the least summed distance to `points` [n,3] (Weiszfeld's iteration): one wrong sighting in
    three does no harm."""
    middle = np.median(points, 0)
    for _ in range(30):
        weight = 1 / np.maximum(np.linalg.norm(points - middle, axis=1), 1e-5)
        middle = weight @ points / weight.sum()
    return middle


def mirror_partners(bundle: Path) -> np.ndarray:
    """Mirror partner [478] of each landmark (itself on the midline), from the detector's own canonical face, which is
    exactly symmetric."""
    from mediapipe.modules.face_geometry.protos.geometry_pipeline_metadata_pb2 import GeometryPipelineMetadata

    metadata = GeometryPipelineMetadata()
    metadata.ParseFromString(zipfile.ZipFile(bundle).read("geometry_pipeline_metadata_landmarks.binarypb"))
    face = np.array(metadata.canonical_mesh.vertex_buffer).reshape(-1, 5)[:, :3]  # position and texture coordinates
    partner = np.linalg.norm(face[:, None] - face * [-1, 1, 1], axis=2).argmin(1)
    return np.concatenate([partner, IRIS_PARTNERS])


def measure(
    model: HeadModel, photos: list[Photo], detected: list[np.ndarray | None], partners: np.ndarray
) -> tuple[np.ndarray, dict[str, float]]:
    """Landmarks [478,3] on the template, meters, and how well the photos agree. Raises ValueError if a landmark is seen
    too rarely."""
    views = [(photo, at) for photo, at in zip(photos, detected) if at is not None]
    # face (-1: not seen) and point on the template
    sightings, place = np.full((len(views), 478), -1), np.zeros((len(views), 478, 3))
    points, spread = np.zeros((478, 3)), np.zeros(478)
    regions = np.zeros((478, len(model.faces)), bool)
    for group, names in GROUPS.items():
        regions[list(group)] = np.isin(model.face_region, [model.regions.index(name) for name in names])
    for v, (photo, at) in enumerate(views):
        for group in GROUPS:
            part = list(group)
            face, bary = project_back(photo, at[part], regions[part[0]])
            sightings[v, part] = face
            place[v, part] = np.einsum("nk,nkc->nc", bary, model.template[model.faces[face]])
    if (rare := np.flatnonzero((sightings >= 0).sum(0) < LEAST)).size:
        raise ValueError(f"landmarks seen on fewer than {LEAST} of {len(views)} photos: {rare.tolist()}")
    for i in range(478):
        seen = place[sightings[:, i] >= 0, i]
        points[i] = geometric_median(seen)
        spread[i] = np.median(np.linalg.norm(seen - points[i], axis=1))
    mirrored = points[partners] * [-1, 1, 1]
    report = {
        "views": len(views),
        "spreadMillimeters": round(1000 * float(np.median(spread)), 3),
        "asymmetryMillimeters": round(1000 * float(np.linalg.norm(points - mirrored, axis=1).mean()), 3),
    }
    points = (points + mirrored) / 2
    points[BROWS, 1] -= BROW_DROP
    for i in range(478):
        # only faces around the sightings: the lips touch, and the nearest point may lie on the wrong one
        near = np.isin(model.faces, model.faces[sightings[sightings[:, i] >= 0, i]]).any(1) | (i in BROWS)
        face, bary = closest_on_mesh(points[i : i + 1], model.template, model.faces, np.flatnonzero(near & regions[i]))
        points[i] = bary[0] @ model.template[model.faces[face[0]]]
    return points, report


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures MediaPipe's landmarks on the open head.")
    parser.add_argument(
        "--data",
        type=Path,
        default=default_data_root(),
        help="folder with makehuman/ and mediapipe/face_landmarker.task",
    )
    parser.add_argument("--views", type=int, default=40)
    parser.add_argument("--output", type=Path, default=MEASURED)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no shared/data beside the clone; name the folder with --data")
    model = HeadModel.load()
    generator = Generator(model, arguments.data, photo_size=SIZE)
    photos = [take_photo(generator, seed) for seed in range(arguments.views)]
    bundle = arguments.data / "mediapipe" / "face_landmarker.task"
    detected = detect([photo.picture for photo in photos], bundle)
    points, report = measure(model, photos, detected, mirror_partners(bundle))
    before = np.array(json.loads(MEASURED.read_text())["points"])
    moved = 1000 * np.linalg.norm(points - before, axis=1)
    print(
        f"{report}; {moved.mean():.2f} mm (at most {moved.max():.2f} mm at {moved.argmax()}) from the committed table"
    )
    content = {
        "detector": "MediaPipe Face Landmarker, mediapipe==0.10.21",
        "agreement": report,
        "points": np.round(points, 5).tolist(),
    }
    arguments.output.write_text(json.dumps(content))


if __name__ == "__main__":
    main()
