"""MakeHuman's hair meshes (CC0, shared/data/makehuman) on the heads of the generator: cards with an alpha texture,
which no map of the head has."""

from ctypes import c_float, c_int
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial import cKDTree

from .. import native
from ..synth.lighting import LUMA, linear
from ..synth.native import floats, ints, pointer
from ..synth.rig import Rig
from ..synth.skins import MEAN_TARGETS

STYLES = ("afro01", "bob01", "bob02", "braid01", "long01", "ponytail01", "short01", "short02", "short03", "short04")
TEXTURE = 512
STRANDS = (0.45, 1.0)  # ours: how much of a texture's contrast stays


@dataclass(frozen=True)
class Cards:
    """One hairstyle at rest on the template: vertices [n,3] (m), faces and uv_faces [m,3], uv [k,2] v up, shade [T,T]
    log luminance about its mean, alpha [T,T]."""

    vertices: np.ndarray
    faces: np.ndarray
    uv_faces: np.ndarray
    uv: np.ndarray
    shade: np.ndarray
    alpha: np.ndarray
    near: np.ndarray  # [n,8] vertices of the head that each vertex moves with
    share: np.ndarray  # [n,8]

    def worn(self, offset: np.ndarray, grow: float) -> np.ndarray:
        """Vertices [n,3] on a head that differs from the template by `offset` [V,3]; `grow` scales about the head's
        middle."""
        middle = self.vertices.mean(0)
        moved = middle + (self.vertices - middle) * grow
        return (moved + np.einsum("nk,nkc->nc", self.share, offset[self.near])).astype(np.float32)


def load_styles(rig: Rig, root: Path) -> list[Cards]:
    """All hairstyles at hand; those without a texture get strands of noise."""
    base, meshes = np.load(root / "makehuman/hm08_head.npz"), np.load(root / "makehuman/assets_meshes.npz")
    adult = base["verts"].astype(np.float64).copy()
    names = list(base["target_names"])
    for name, weight in MEAN_TARGETS:
        part = slice(*base["target_start"][names.index(name) :][:2])
        adult[base["target_index"][part]] += weight * base["target_delta_q"][part] * float(base["target_delta_scale"])
    joints, start = list(base["joint_names"]), base["joint_start"]
    eyes = [
        adult[base["joint_vertices"][slice(*start[joints.index(n) :][:2])]].mean(0)
        for n in ("joint-l-eye", "joint-r-eye")
    ]
    shift = rig.joints[[3, 4]].mean(0) - np.mean(eyes, 0) / 10
    skin = np.flatnonzero(
        np.isin(np.arange(len(rig.template)), rig.faces[rig.face_region == rig.regions.index("scalp")])
    )
    tree = cKDTree(rig.template[skin])
    return [_style(name, meshes, adult, shift, root, skin, tree) for name in STYLES]


def _style(
    name: str, meshes, adult: np.ndarray, shift: np.ndarray, root: Path, skin: np.ndarray, tree: cKDTree
) -> Cards:
    index, weight, scale = meshes[f"{name}_fit_index"], meshes[f"{name}_fit_weight"], meshes[f"{name}_fit_scale"]
    size = np.array([abs(adult[int(a), k] - adult[int(b), k]) / d for k, (a, b, d) in enumerate(scale)])
    points = np.einsum("nk,nkc->nc", weight, adult[index]) + meshes[f"{name}_fit_offset"] * size
    points = points / 10 + shift
    distance, near = tree.query(points, 8)
    share = 1 / (distance + 0.005)
    faces, uv_faces = _triangles(meshes[f"{name}_faces"], meshes[f"{name}_uv_faces"])
    file = root / f"makehuman/hair/{name}.webp"
    if file.exists():
        image = (
            np.asarray(Image.open(file).convert("RGBA").resize((TEXTURE, TEXTURE), Image.Resampling.BOX), np.float32)
            / 255
        )
        luminance, alpha = np.log(linear(image[..., :3]) @ LUMA + 0.01), image[..., 3]
    else:
        rng = np.random.default_rng(len(name))
        luminance = 0.35 * rng.standard_normal((TEXTURE, TEXTURE)).astype(np.float32)
        alpha = np.ones((TEXTURE, TEXTURE), np.float32) * (rng.random((TEXTURE, TEXTURE)) > 0.04)
    shade = luminance - luminance[alpha > 0.5].mean()
    return Cards(
        points.astype(np.float32),
        faces,
        uv_faces,
        meshes[f"{name}_uv"].astype(np.float32),
        np.clip(shade, -2, 1.2).astype(np.float32),
        floats(alpha),
        skin[near],
        (share / share.sum(1, keepdims=True)).astype(np.float32),
    )


def _triangles(quads: np.ndarray, uv_quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quads [n,4], -1 in the last place of a triangle -> triangles [m,3] of both."""
    whole = quads[:, 3] >= 0
    return tuple(ints(np.concatenate([q[:, :3], q[whole][:, [0, 2, 3]]])) for q in (quads, uv_quads))


def draw_cards(cards: Cards, vertices: np.ndarray, f: float, least: float, first: int, face, bary, depth) -> None:
    """Cards with camera-space vertices [n,3] over a z-buffer face [H,W], bary [H,W,2], depth [H,W], in place; numbers
    start at `first`."""
    height, width = depth.shape
    vertices = floats(vertices)
    native.load("classes/cards.cpp").card_raster(
        pointer(vertices),
        pointer(cards.faces),
        pointer(cards.uv_faces),
        pointer(cards.uv),
        c_int(len(cards.faces)),
        c_float(f),
        c_int(width),
        c_int(height),
        pointer(cards.alpha),
        c_int(len(cards.alpha)),
        c_float(least),
        c_int(first),
        pointer(face),
        pointer(bary),
        pointer(depth),
    )
