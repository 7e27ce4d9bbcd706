"""Builds the registered people from shared/data: `python -m training.registration.build` (a minute or two).

Writes training/cache/people/valid.npz, ict.npz and, in the tree, training/results/registration.json and
docs/images/registration-error.jpg. The cache is derived from the source data and stays out of the repository.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from ..headmodel.model import DEFAULT_PATH, HeadModel
from ..synth.native import CACHE
from ..synth.skins import default_data_root
from . import hair
from .atlas import Atlas, bake, lookup
from .expressions import personal_expressions
from .fit import Fit, Skin, correspond, fit, similarity, transfer
from .inner import Inner
from .report import error_picture, errors
from .sources import Source, load_ict, load_valid
from .surface import Surface

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = CACHE / "people"


def register(model: HeadModel, skin: Skin, source: Source, log=print) -> tuple[Fit, np.ndarray]:
    """Fit of the open head to the mean of a source, and the mean's own displacement [n,3] of the skin from the
    template."""
    face, bary = model.media_pipe
    points = source.landmark_points()[:468]
    rows = np.flatnonzero(
        np.isfinite(points).all(1)
        & (face[:468] >= 0)
        & (skin.local[model.faces[np.maximum(face[:468], 0)]] >= 0).all(1)
    )
    move = similarity(points[rows], model.media_pipe_landmarks(model.template)[rows])
    mean = place(move, source.mean)
    surface = Surface(mean, source.faces, source.normals(mean))
    columns = skin.local[model.faces[face[rows]]]
    landmarks = sp.csr_matrix(
        (bary[rows].ravel(), (np.repeat(np.arange(len(rows)), 3), columns.ravel())), (len(rows), len(skin.index))
    )
    template = model.template[skin.index].astype(np.float64)
    moved = fit(skin, template, surface, landmarks, place(move, points[rows]), log)
    face, bary, trust, distance = correspond(skin, moved, surface)
    return Fit(moved, face, bary, trust, distance, surface, move, skin.extender(trust)), moved - template


def place(move: tuple, points: np.ndarray) -> np.ndarray:
    """Foreign points in our space."""
    return move[0] * points @ move[1].T + move[2]


def people_of(
    model: HeadModel, skin: Skin, source: Source, fitted: Fit, mean: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets from the template: of the mean [V,3], and what people add [P,V,3], with eyes, teeth and tongue moved
    along."""
    inner = Inner(model, skin)
    scale = fitted.move[0]
    eyes = np.c_[place(fitted.move, source.eyes[:, :3]), source.eyes[:, 3] * scale]
    added = transfer(fitted, source.moved)
    moved = np.concatenate(
        [source.eyes_moved[..., :3] @ (scale * fitted.move[1]).T, source.eyes_moved[..., 3:] * scale], 2
    )
    whole = inner.complete(mean, eyes)
    return whole, np.stack([inner.complete(mean + a, eyes + e) - whole for a, e in zip(added, moved)])


def build(data: Path, out: Path = PEOPLE, log=print) -> dict:
    """Everything. Returns the report that is written to training/results/registration.json."""
    start, model = time.monotonic(), HeadModel.load()
    skin, atlas, directions = Skin(model), Atlas(model), hair.outward(model)
    out.mkdir(parents=True, exist_ok=True)
    stamp = hashlib.sha256(DEFAULT_PATH.read_bytes()).hexdigest()
    report, pictures = {}, []
    for source in (load_ict(data), load_valid(data)):
        log(f"{source.name}: {len(source.people)} people or modes")
        fitted, mean = register(model, skin, source, log)
        whole, added = people_of(model, skin, source, fitted, mean)
        report[source.name] = errors(model, skin, source, fitted, whole, added)
        pictures.append(error_picture(model, skin, fitted, whole))
        log(json.dumps(report[source.name]))
        if source.name == "ict":
            save(out / "ict.npz", head=stamp, mean=whole.astype(np.float32), modes=added.astype(np.float32))
        else:
            write_valid(out, data, stamp, model, skin, atlas, directions, source, fitted, whole, added, log)
    report["seconds"] = round(time.monotonic() - start)
    return report | {"pictures": pictures}


def save(path: Path, **arrays: np.ndarray) -> None:
    """Atomic: generators that start meanwhile read the old file."""
    temporary = path.with_suffix(".part")
    with open(temporary, "wb") as file:
        np.savez(file, **arrays)
    temporary.rename(path)


def write_valid(out, data, stamp, model, skin, atlas, directions, source, fitted, whole, added, log) -> None:
    """valid.npz: shapes without hair, own expressions, skins, hairstyles."""
    table = np.load(data / "valid" / "valid_head.npz")
    offsets = (whole + added).astype(np.float64)
    base = model.template.astype(np.float64)
    face, bary = lookup(atlas, skin.index[skin.outer_faces], base + whole, fitted.surface)
    colors = bake(data, source, table["uv"].astype(np.float64), face, bary)
    log("skins baked")
    cover, hair_color, tones = hair.painted_hair(colors, atlas, model)
    at_vertex = hair.scalp_cover(atlas, cover, len(base))
    skulls, thick = hair.bald_skulls(skin, offsets[:, skin.index], at_vertex[:, skin.index], directions[skin.index])
    offsets[:, skin.index] = skulls
    thickness = np.zeros((len(source.people), len(base)))
    thickness[:, skin.index] = thick
    styles, style_cover, style_thick, style_color = [], [], [], []
    for p, name in enumerate(source.people):
        if f"wig_{name}_pos_q" in table:
            t, c, rgb = hair.wig(
                data, name, model, atlas, base + offsets[p], directions, lambda x: place(fitted.move, x)
            )
        elif cover[p].max() > 0.05:
            t, c, rgb = thickness[p], cover[p], colors[p]
        else:
            continue
        styles.append(p)
        style_thick.append(t), style_cover.append(c), style_color.append(rgb)
    log(f"{len(styles)} hairstyles")
    own = personal_expressions(data, model, skin, fitted)
    save(
        out / "valid.npz",
        head=stamp,
        names=np.array(source.people),
        gender=table["gender"],
        group=table["group"],
        offsets=offsets.astype(np.float32),
        own=own,
        size=atlas.size,
        texel=atlas.texel,
        skins=np.stack([hair.shaved(atlas, model, *skin_of) for skin_of in zip(colors, cover, tones)]),
        outward=directions.astype(np.float32),
        style_person=np.array(styles),
        style_thickness=np.array(style_thick, np.float32),
        style_cover=(np.array(style_cover) * 255).astype(np.uint8),
        style_color=np.array(style_color),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Registers VALID and ICT-FaceKit to the open head.")
    parser.add_argument("--data", type=Path, default=default_data_root())
    parser.add_argument("--out", type=Path, default=PEOPLE)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no shared/data beside the clone; name the folder with --data")
    report = build(arguments.data, arguments.out)
    from PIL import Image

    pictures = report.pop("pictures")
    Image.fromarray(np.concatenate(pictures, 0)).save(ROOT / "docs" / "images" / "registration-error.jpg", quality=88)
    (ROOT / "training" / "results" / "registration.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
