"""Where MediaPipe sees its 478 landmarks on the two foreign heads, as on the open head
(headmodel/measure_landmarks.py).

`python -m training.registration.landmarks` renders the people of each source, detects, projects back and takes the
middle over all pictures; it writes landmarks.json (face and barycentrics on the skin triangles of sources.py), which
the registration reads. It runs in an environment of its own (training/requirements-landmarks.txt).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..headmodel.measure_landmarks import FOCAL, LEAST, SIZE, Photo, detect, geometric_median, project_back
from ..synth import mesh
from ..synth.cameras import crop_camera
from ..synth.skins import default_data_root
from .sources import ICT_ORIGIN, MEASURED, Source, load_ict, load_valid
from .textures import color_map, sample

VIEWS = [(-0.25, 0.08), (0.0, -0.05), (0.25, 0.05)]  # yaw, pitch of the pictures of one person, radians
ICT_PEOPLE = 12
ICT_COLOR = {
    "M_Face": (0.80, 0.62, 0.53),
    "M_BackHead": (0.80, 0.62, 0.53),
    "M_GumsTongue": (0.5, 0.2, 0.2),
    "M_Teeth": (0.8, 0.8, 0.75),
}
# no lashes: drawn opaque they hide the lids
ICT_COLOR |= {"M_Sclera": (0.85, 0.83, 0.82), "M_Iris": (0.22, 0.14, 0.10)}


@dataclass
class Scene:
    """One person to be photographed: the first faces are the source's skin."""

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray | None
    image: np.ndarray | None
    color: np.ndarray | None  # [F,3]


def valid_scenes(root: Path, source: Source) -> list[Scene]:
    data = np.load(root / "valid" / "valid_head.npz")
    out = []
    skin = (data["tris"] < len(source.mean)).all(1)
    faces = np.concatenate([data["tris"][skin], data["tris"][~skin]])
    for i, name in enumerate(source.people):
        vertices = data["template"] + data["neutral_delta_q"][i] * data["neutral_delta_scale"]
        image = color_map(root / "valid" / "glb" / f"{name}_Casual.glb")
        out.append(Scene(vertices, faces, data["uv"], image, None))
    return out


def ict_scenes(root: Path, source: Source) -> list[Scene]:
    data = np.load(root / "ict" / "ict_facekit.npz")
    materials = [str(m) for m in data["materials"]]
    quads, kind = data["faces"], data["face_material"]
    order = np.argsort((quads >= len(source.mean)).any(1), kind="stable")
    quads, kind = quads[order], kind[order]
    whole = quads[:, 3] >= 0
    skin = (quads < len(source.mean)).all(1)
    first, second, rest = quads[:, :3], quads[whole][:, [0, 2, 3]], ~skin
    faces = np.concatenate([first[skin], second[skin[whole]], first[rest], second[rest[whole]]])
    kind = np.concatenate([kind[skin], kind[whole & skin], kind[rest], kind[whole & rest]])
    names = [next((k for k in ICT_COLOR if materials[m].startswith(k)), None) for m in range(len(materials))]
    shown = np.array([n is not None for n in names])[kind]
    color = np.array([ICT_COLOR.get(n, (0, 0, 0)) for n in names])[kind][shown]
    rng = np.random.default_rng(0)
    out = []
    modes = data["identity_q"] * data["identity_scale"].reshape(-1, 1, 1)
    a, b = 21451, 24591  # eyeballs: the sclera closes over the iris, so the front cap is painted instead (README)
    for _ in range(ICT_PEOPLE):
        vertices = data["neutral"] + np.tensordot(0.6 * rng.standard_normal(len(modes)), modes, 1)
        tint = color.copy()
        middle = vertices[faces[shown]].mean(1)
        for low, high in ((a, (a + b) // 2), ((a + b) // 2, b)):
            ball = vertices[low:high].mean(0)
            mine = ((faces[shown] >= low) & (faces[shown] < high)).all(1)
            away = (middle - ball) / np.linalg.norm(middle - ball, axis=1, keepdims=True)
            tint[mine] = ICT_COLOR["M_Sclera"]
            tint[mine & (away[:, 2] > np.cos(0.40))] = ICT_COLOR["M_Iris"]
            tint[mine & (away[:, 2] > np.cos(0.16))] = (0.02, 0.02, 0.02)
        out.append(Scene((vertices - ICT_ORIGIN) / 100, faces[shown], None, None, tint))
    return out


def photograph(scene: Scene, eyes: np.ndarray, yaw: float, pitch: float) -> Photo:
    """Unlit texture with a little shading, over grey."""
    mouth = eyes.mean(0) + [0, -0.068, 0.02]
    camera = crop_camera(eyes[1], eyes[0], mouth, yaw, pitch, FOCAL, SIZE)
    face, weights, _ = mesh.raster(camera.to_camera(scene.vertices), scene.faces, camera.f, SIZE)
    hit = face >= 0
    bary = np.concatenate([weights[hit], 1 - weights[hit].sum(1, keepdims=True)], 1)
    corners = scene.faces[face[hit]]
    normals = mesh.vertex_normals(scene.vertices, scene.faces)
    normal = np.einsum("nk,nkc->nc", bary, normals[corners])
    if scene.image is None:
        color = scene.color[face[hit]]
    else:
        color = sample(scene.image, np.einsum("nk,nkc->nc", bary, scene.uv[corners]))
    light = 0.62 + 0.38 * np.clip(normal @ (camera.R.T @ np.array([0.3, 0.5, 0.8])), 0, 1)
    picture = np.full((SIZE, SIZE, 3), 0.6, np.float32)
    picture[hit] = color * light[:, None]
    return Photo((picture.clip(0, 1) * 255).astype(np.uint8), face, weights)


def measure(source: Source, scenes: list[Scene], bundle: Path) -> tuple[dict, list[Photo]]:
    """Landmark table of one source, and the pictures."""
    eyes = source.eyes[:, :3]
    photos = [photograph(scene, eyes, *view) for scene in scenes for view in VIEWS]
    detected = detect([p.picture for p in photos], bundle)
    views = [(p, at) for p, at in zip(photos, detected) if at is not None]
    skin = np.ones(len(scenes[0].faces), bool)
    skin[len(source.faces) :] = False
    seen: list[list[tuple[int, np.ndarray]]] = [[] for _ in range(478)]
    for photo, at in views:
        face, bary = project_back(photo, at[:468], skin)
        for i in np.flatnonzero(face >= 0):
            seen[i].append((int(face[i]), bary[i]))
    faces, barys, spread = np.full(478, -1), np.zeros((478, 3)), []
    for i, list_ in enumerate(seen):
        if len(list_) < LEAST:
            continue
        points = np.array([b @ source.mean[source.faces[f]] for f, b in list_])
        middle = geometric_median(points)
        distance = np.linalg.norm(points - middle, axis=1)
        faces[i], barys[i] = list_[int(distance.argmin())]  # the sighting nearest to the middle lies on the surface
        spread.append(np.median(distance))
    report = {"views": len(views), "of": len(photos), "spreadMillimeters": round(1000 * float(np.median(spread)), 3)}
    return {"agreement": report, "face": faces.tolist(), "bary": np.round(barys, 4).tolist()}, photos


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures MediaPipe's landmarks on the foreign heads.")
    parser.add_argument("--data", type=Path, default=default_data_root())
    parser.add_argument("--pictures", type=Path, help="folder for one picture per source")
    parser.add_argument("--output", type=Path, default=MEASURED)
    arguments = parser.parse_args()
    root, table = arguments.data, {"detector": "MediaPipe Face Landmarker, mediapipe==0.10.21"}
    for source, scenes in ((load_valid(root, False), valid_scenes), (load_ict(root, measured=False), ict_scenes)):
        table[source.name], photos = measure(source, scenes(root, source), root / "mediapipe" / "face_landmarker.task")
        print(
            source.name,
            table[source.name]["agreement"],
            "missing",
            [i for i, f in enumerate(table[source.name]["face"][:468]) if f < 0],
        )
        if arguments.pictures:
            from PIL import Image

            sheet = np.concatenate([np.concatenate([p.picture for p in photos[i : i + 6]], 1) for i in (0, 6, 12)], 0)
            Image.fromarray(sheet).save(arguments.pictures / f"{source.name}.png")
    arguments.output.write_text(json.dumps(table))


if __name__ == "__main__":
    main()
