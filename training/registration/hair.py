"""Hair of the VALID people as thickness over the open head's skin and color in its atlas: what is painted on the scalp,
and the wigs.

A hairstyle fits every registered head: thickness [V] along `outward` of the template, mask and color per texel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.ndimage import gaussian_filter, grey_closing, grey_dilation, median_filter
from scipy.spatial import cKDTree

from ..headmodel.model import HeadModel
from .atlas import Atlas
from .fit import OUTER, Skin, vertex_normals
from .surface import ray_hits
from .textures import color_map, sample

REACH = 0.055  # meters: hair further out than this does not sit on the head
SLOPE = 1.1  # ours: how steeply hair may rise from its edge
BALD = 0.45  # ours: a crown whose log color is nearer to the cheeks than this is skin or stubble


def outward(model: HeadModel) -> np.ndarray:
    """Smooth unit directions [V,3] away from the head: normals averaged over centimeters, sideways on the ears."""
    vertices = model.template.astype(np.float64)
    names = list(model.regions)
    skin = model.faces[np.isin(model.face_region, [names.index(n) for n in OUTER])]
    ears = np.unique(model.faces[model.face_region == names.index("ears")])
    direction = vertex_normals(vertices, skin)
    direction[ears] = np.sign(vertices[ears, :1]) * [1, 0, 0] + np.array([0, 0, -0.2])
    edges = np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]])
    near = sp.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (len(vertices),) * 2)
    near = ((near + near.T) > 0).astype(float) + sp.identity(len(vertices))
    near = sp.diags(1 / np.asarray(near.sum(1)).ravel()) @ near
    for _ in range(12):
        direction = near @ direction
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    return np.where(length > 1e-6, direction / np.maximum(length, 1e-6), 0)


def hair_zone(atlas: Atlas, model: HeadModel) -> np.ndarray:
    """Where hair may be painted [n]: scalp, ears, neck, temples and forehead, not brows, eyes, nose, mouth or beard."""
    point, names = atlas.at(model.template), list(model.regions)
    eyes = model.joints[3:5].mean(0)
    x, y, z = (point - eyes).T
    above = (y > 0.034) | ((y > 0.008) & (np.abs(x) > 0.058)) | ((z < -0.035) & (y > -0.125))
    side = (z < 0.0) & (np.abs(x) > 0.05) & (y > -0.04)
    return (np.isin(atlas.region, [names.index(n) for n in ("face", "scalp", "neck", "ears")])) & (above | side)


def painted_hair(colors: np.ndarray, atlas: Atlas, model: HeadModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From skins [P,n,3] u8: hair cover [P,n] 0..1, hair color [P,3] and skin tone [P,3], sRGB. Bald heads have cover
    0.

    Texels inside the hair that do not look like it take the color of the nearest that do; `colors` is changed.
    """
    names, point = list(model.regions), atlas.at(model.template)
    eyes = model.joints[3:5].mean(0)
    x, y, z = (point - eyes).T
    face = atlas.region == names.index("face")
    cheek = face & (np.abs(np.abs(x) - 0.034) < 0.012) & (np.abs(y + 0.032) < 0.012) & (z > 0)
    crown = (atlas.region == names.index("scalp")) & (y > 0.05)
    zone, ears = hair_zone(atlas, model), atlas.region == names.index("ears")
    forehead = face & (np.abs(x) < 0.03) & (np.abs(y - 0.04) < 0.006) & (z > 0)
    fringe = face & (y > 0.02) | ((np.abs(x) > 0.045) & (y > -0.06) & face)  # hair over brows and temples
    cover, hair, tones = np.zeros(colors.shape[:2], np.float32), np.zeros((len(colors), 3)), np.zeros((len(colors), 3))
    for p, color in enumerate(colors):
        value = color.astype(np.float32) / 255
        tones[p], hair[p] = np.median(value[cheek], 0), np.median(value[crown], 0)
        if np.abs(np.log((hair[p] + 0.03) / (tones[p] + 0.03))).mean() < BALD:
            continue
        log = np.log(value + 0.03)
        to_skin = np.linalg.norm(log - np.log(tones[p] + 0.03), axis=1)
        to_hair = np.linalg.norm(log - np.log(hair[p] + 0.03), axis=1)
        likely = np.clip((to_skin / np.maximum(to_skin + to_hair, 1e-3) - 0.35) / 0.3, 0, 1)
        area = zone | fringe if likely[forehead].mean() > 0.3 else zone
        likely = likely * area
        picture = grey_closing(median_filter(atlas.image(likely[:, None])[..., 0], 7), 11)
        soft = gaussian_filter(picture, 1.5).ravel()[atlas.texel]
        cover[p] = np.clip((soft - 0.3) / 0.4, 0, 1) * area
        inner = ~ears & (crown | (zone & (z < -0.07) & (y > -0.03)))
        cover[p] = np.maximum(cover[p], inner * (cover[p][inner].mean() > 0.5))
        _fill(atlas, color, (cover[p] > 0.3) & (likely < 0.5), (cover[p] > 0.6) & (likely > 0.8))
    return cover, hair, tones


def shaved(atlas: Atlas, model: HeadModel, color: np.ndarray, cover: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Skin [n,3] u8 with its painted hair taken off: nearby skin, further up the scalp the cheeks' `tone` [3] (sRGB
    0..1)."""
    if cover.max() < 0.05:
        return color
    grown = grey_dilation(atlas.image(cover[:, None])[..., 0], 17)
    take = np.clip(gaussian_filter(grown, 3).ravel()[atlas.texel] * 1.15, 0, 1)
    point, names = atlas.at(model.template), list(model.regions)
    clean = np.flatnonzero((take < 0.02) & np.isin(atlas.region, [names.index("face"), names.index("neck")]))[::7]
    gone = np.flatnonzero(take > 0)
    distance, nearest = cKDTree(point[clean]).query(point[gone], 8)
    near = color[clean][nearest].mean(1)
    fade = np.exp(-distance.mean(1) / 0.02)[:, None]
    out = color.astype(np.float32)
    out[gone] += take[gone, None] * (fade * near + (1 - fade) * 255 * tone - out[gone])
    return (out + 0.5).astype(np.uint8)


def _fill(atlas: Atlas, color: np.ndarray, holes: np.ndarray, good: np.ndarray) -> None:
    """Give texels `holes` [n] the color of the nearest `good` [n] ones."""
    if holes.any() and good.any():
        place = np.stack([atlas.texel // atlas.size, atlas.texel % atlas.size], 1)
        color[holes] = color[np.flatnonzero(good)[cKDTree(place[good]).query(place[holes])[1]]]


def scalp_cover(atlas: Atlas, cover: np.ndarray, count: int) -> np.ndarray:
    """Texel values [P,n] averaged to the vertices [P,V]."""
    texel = np.repeat(np.arange(len(atlas.texel)), 3)
    mean = sp.csr_matrix((atlas.bary.ravel(), (atlas.corners.ravel(), texel)), (count, len(atlas.texel)))
    return ((mean @ cover.T) / np.maximum(np.asarray(mean.sum(1)), 1e-6)).T


def bald_skulls(
    skin: Skin, offsets: np.ndarray, cover: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """From offsets [P,n,3] of the skin with hair and its cover [P,n]: offsets without hair and hair thickness [P,n]
    along `directions`.

    Under hair the skull continues the face as the mean of the bald people does.
    """
    bald = cover.max(1) < 0.05
    mean = offsets[bald].mean(0)
    skulls, thickness = offsets.copy(), np.zeros(offsets.shape[:2])
    for p in np.flatnonzero(~bald):
        free = np.clip(1 - 1.6 * cover[p], 0, 1)
        change = skin.extender(free + 0.003, 1.0)((offsets[p] - mean) * (free / (free + 0.003))[:, None])
        skulls[p] = mean + change
        over = ((offsets[p] - skulls[p]) * directions).sum(1)
        thickness[p] = np.clip(over, 0, REACH) * np.clip(cover[p] * 2, 0, 1)
        skulls[p] = np.where((free > 0.5)[:, None], offsets[p], skulls[p])
    return skulls, thickness


def ramp(thickness: np.ndarray, vertices: np.ndarray, edges: np.ndarray, rounds: int = 40) -> np.ndarray:
    """Thickness [V] that rises from bare skin no steeper than SLOPE."""
    out = np.minimum(thickness, REACH)
    length = SLOPE * np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    for _ in range(rounds):
        lowered = out.copy()
        np.minimum.at(lowered, edges[:, 0], out[edges[:, 1]] + length)
        np.minimum.at(lowered, edges[:, 1], out[edges[:, 0]] + length)
        if np.allclose(lowered, out):
            break
        out = lowered
    return out


def wig(
    root: Path, name: str, model: HeadModel, atlas: Atlas, vertices: np.ndarray, directions: np.ndarray, place
) -> tuple:
    """One wig cast onto the open head: thickness [V], cover [n] and sRGB color [n,3] u8.

    `vertices` [V,3] is its owner, registered and without hair; `place` maps VALID points into our space.
    """
    data = np.load(root / "valid" / "valid_head.npz")
    points = place(data[f"wig_{name}_pos_q"] * data["wig_pos_scale"])
    tris, uv = data[f"wig_{name}_tris"].astype(np.int64), data[f"wig_{name}_uv_q"] / 65535
    image = color_map(root / "valid" / "glb" / f"{name}_Casual.glb", wig=True)
    eyes, names = model.joints[3:5].mean(0), list(model.regions)
    skin = np.isin(model.face_region, [names.index(n) for n in ("face", "scalp", "neck", "ears")])
    edges = np.concatenate([model.faces[skin][:, [0, 1]], model.faces[skin][:, [1, 2]]])
    allowed = np.zeros(len(vertices), bool)
    allowed[model.faces[skin]] = True
    below, forward = model.template[:, 1] - eyes[1], model.template[:, 2] - eyes[2]
    allowed &= ~((below < 0.012) & (forward > -0.02) & (np.abs(model.template[:, 0]) < 0.055))
    # from a little inside, so that hair lying on or in the skin counts
    face, _, distance, _ = ray_hits(vertices - 0.012 * directions, directions, points[tris], REACH + 0.012)
    thickness = np.where(allowed & (face >= 0), np.maximum(distance - 0.012, 0.0015), 0)
    covered = sp.csr_matrix(
        (np.ones(2 * len(edges)), (np.r_[edges[:, 0], edges[:, 1]], np.r_[edges[:, 1], edges[:, 0]])),
        (len(vertices),) * 2,
    )
    share = (covered @ (thickness > 0).astype(float)) / np.maximum(np.asarray(covered.sum(1)).ravel(), 1)
    mean = (covered @ thickness) / np.maximum(covered @ (thickness > 0).astype(float), 1)
    thickness = np.where(
        (thickness == 0) & allowed & (share > 0.6), mean, np.where((thickness > 0) & (share < 0.3), 0, thickness)
    )
    thickness = ramp(thickness, vertices, edges)
    smooth = 0.5 * thickness + 0.5 * (covered @ thickness) / np.maximum(np.asarray(covered.sum(1)).ravel(), 1)
    thickness = np.where(thickness > 0, smooth, 0)
    # colors: every second row and column is enough for strands of a 256 map
    origin, out = atlas.at(vertices), atlas.at(directions)
    thick = atlas.at(thickness[:, None])[:, 0]
    row, column = atlas.texel // atlas.size, atlas.texel % atlas.size
    ask = np.flatnonzero((thick > 0) & (row % 2 == 0) & (column % 2 == 0))
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    face, bary, _, _ = ray_hits(origin[ask] - 0.012 * out[ask], out[ask], points[tris], REACH + 0.02)
    hit = face >= 0
    color = sample(image, np.einsum("nk,nkc->nc", bary[hit], uv[tris[face[hit]]]))
    nearest = cKDTree(np.stack([row, column], 1)[ask[hit]]).query(np.stack([row, column], 1))[1]
    cover = np.clip(thick / 0.0012, 0, 1)
    return thickness, cover.astype(np.float32), (color[nearest] * 255 + 0.5).astype(np.uint8)
