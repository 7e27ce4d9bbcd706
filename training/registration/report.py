"""How well a source is registered: millimeters, and a picture of our own head colored by the error."""

from __future__ import annotations

import numpy as np

from ..headmodel.model import HeadModel
from ..synth import mesh
from ..synth.cameras import Camera, rotation
from .fit import OUTER, Fit, Skin
from .sources import Source
from .surface import Surface

VIEWS = [
    (0.0, (0, 0.0, 0.0), 1.75),
    (-0.9, (0, 0.0, 0.0), 1.75),
    (2.6, (0, 0.0, 0.0), 1.75),
    (0.0, (0.029, 0.02, 0.08), 6.0),
    (0.0, (0, -0.045, 0.08), 6.0),
]
CELL = 300
MANY, RANDOM_PEOPLE = 50, 20
FULL_SCALE = 0.002  # meters: the error drawn in full red


def errors(model: HeadModel, skin: Skin, source: Source, fitted: Fit, mean: np.ndarray, added: np.ndarray) -> dict:
    """Distances in mm of registered skin vertices to the source's surface: for the mean head, and for people (modes:
    random ones)."""
    names = list(model.regions)
    seen = np.isin(model.face_region, [names.index(n) for n in OUTER])
    trusted = fitted.trust > 0.5
    check = np.zeros(len(model.template), bool)
    check[skin.index[trusted]] = True
    distance = 1000 * fitted.distance[trusted]
    people, worst = [], 0.0
    rng = np.random.default_rng(0)
    modes = len(source.people) > MANY  # identity modes: random people of them, real people: each
    mixes = rng.standard_normal((RANDOM_PEOPLE, len(source.people))) if modes else np.eye(len(source.people))
    scale, turn, shift = fitted.move
    for mix in mixes:
        vertices = scale * (source.mean + np.tensordot(mix, source.moved, 1)) @ turn.T + shift
        surface = Surface(vertices, source.faces, source.normals(vertices))
        points = (model.template + mean + np.tensordot(mix, added, 1))[check]
        face, bary = surface.nearest(points)
        away = 1000 * np.linalg.norm(surface.at(face, bary) - points, axis=1)
        people.append(away.mean())
        worst = max(worst, away.max())
    region = {}
    for name in OUTER:
        part = skin.local[np.unique(model.faces[seen & (model.face_region == names.index(name))])]
        part = part[trusted[part]]
        region[name] = round(float(1000 * fitted.distance[part].mean()), 3)
    return {
        "vertices": int(trusted.sum()),
        "ofSkinVertices": int(skin.is_outer.sum()),
        "meanHead": {
            "meanMillimeters": round(float(distance.mean()), 3),
            "worstMillimeters": round(float(distance.max()), 2),
        },
        "people": {
            "count": len(people),
            "meanMillimeters": round(float(np.mean(people)), 3),
            "worstPersonMeanMillimeters": round(float(np.max(people)), 3),
            "worstMillimeters": round(float(worst), 2),
        },
        "meanMillimetersByRegion": region,
        "scaleToOpenHead": round(float(scale), 4),
    }


def error_picture(model: HeadModel, skin: Skin, fitted: Fit, mean: np.ndarray) -> np.ndarray:
    """Registered mean head [CELL, k*CELL, 3] u8 in several views: grey 0 mm, red 2 mm or more, blue where nothing
    corresponds."""
    names = list(model.regions)
    faces = model.faces[np.isin(model.face_region, [names.index(n) for n in OUTER])]
    vertices = (model.template + mean).astype(np.float32)
    error = np.zeros(len(vertices))
    error[skin.index] = np.nan_to_num(fitted.distance) / FULL_SCALE
    lost = np.zeros(len(vertices))
    lost[skin.index] = fitted.trust < 0.5
    share = np.clip(error, 0, 1)[:, None]
    color = np.array([0.78, 0.76, 0.74]) * (1 - share) + np.array([0.9, 0.1, 0.05]) * share
    color = np.where(lost[:, None] > 0, [0.3, 0.4, 0.8], color)
    normals = mesh.vertex_normals(vertices, faces)
    out = []
    for yaw, centre, zoom in VIEWS:
        turn = rotation(yaw, 0, 0)
        camera = Camera(turn, np.array([0, 0, -0.6]) - turn @ np.array(centre), zoom * CELL * 2, CELL * 2)
        face, weights, _ = mesh.raster(camera.to_camera(vertices), faces, camera.f, CELL * 2)
        hit = face >= 0
        bary = np.concatenate([weights[hit], 1 - weights[hit].sum(1, keepdims=True)], 1)
        corners = faces[face[hit]]
        light = 0.35 + 0.65 * np.clip(
            np.einsum("nk,nkc->nc", bary, normals[corners]) @ (turn.T @ np.array([0.3, 0.5, 0.81])), 0, 1
        )
        picture = np.full((CELL * 2, CELL * 2, 3), 0.25)
        picture[hit] = np.einsum("nk,nkc->nc", bary, color[corners]) * light[:, None]
        picture = picture.reshape(CELL, 2, CELL, 2, 3).mean((1, 3))
        out.append((picture.clip(0, 1) * 255).astype(np.uint8))
    return np.concatenate(out, 1)
