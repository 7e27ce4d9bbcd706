"""Pictures of a posed person: head, torso and glasses in one z-buffer, lenses over it."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter

from . import lighting, mesh
from .cameras import Camera
from .glasses import OPAQUE, Glare, Glasses, shown_through
from .prop import Prop
from .rig import Rig

SUPERSAMPLE = 2
OPEN_SKY, OPEN_LIGHT = 0.7, 0.8  # ours: what props see of sky and lamps


class Worn(NamedTuple):
    """What a photo shows beside the head, posed like it."""

    torso: Prop | None = None
    glasses: Glasses | None = None
    glare: Glare | None = None


NOTHING = Worn()


class Picture(NamedTuple):
    """What a camera of size S sees."""

    color: np.ndarray  # [S,S,3] sRGB-encoded, grey 0.5 where nothing is
    coverage: np.ndarray  # [S,S]
    depth: np.ndarray  # supersampled, meters along the view axis; of glasses too, but not of lenses
    # supersampled bool: a frame, a dark lens or a highlight is in front; None without glasses
    hidden: np.ndarray | None

    def hides(self, xy: np.ndarray, reach: float) -> np.ndarray:
        """Points in pixels [n,2] with glasses in front of them or less than `reach` pixels beside them: [n] bool."""
        if self.hidden is None:
            return np.zeros(len(xy), bool)
        near = maximum_filter(self.hidden, 2 * int(np.ceil(reach * SUPERSAMPLE)) + 1)
        column, row = np.clip((xy.T * SUPERSAMPLE).astype(int), 0, len(near) - 1)
        return near[row, column]


def draw(
    rig: Rig,
    texture: np.ndarray,
    face,
    camera: Camera,
    light: lighting.Light,
    tone: lighting.Tone,
    occlusion,
    worn: Worn,
    supersample: int = SUPERSAMPLE,
) -> Picture:
    """`face` is a generator.Face, texture [k,k,8] the person's, occlusion [V,1+L]. `supersample` squared samples a
    pixel."""
    size, eye = camera.size * supersample, camera.center()
    props = [p for p in (worn.torso, worn.glasses and worn.glasses.frame) if p is not None]
    meshes = [(face.posed, rig.faces)] + [(p.vertices, p.faces) for p in props]
    vertex_start = np.cumsum([0] + [len(v) for v, _ in meshes])
    face_start = np.cumsum([0] + [len(f) for _, f in meshes])
    vertices = np.concatenate([v for v, _ in meshes])
    faces = np.concatenate([f + start for (_, f), start in zip(meshes, vertex_start)])
    index, bary, depth = mesh.raster(camera.to_camera(vertices), faces, camera.f * supersample, size)
    index, bary = index.ravel(), bary.reshape(-1, 2)
    picture = np.zeros((size * size, 4), np.float32)
    picture[:, 3] = index >= 0
    hit = np.flatnonzero((index >= 0) & (index < face_start[1]))
    skin = rig.faces, rig.uv_faces, rig.uv, texture, face.still, face.normals, occlusion
    picture[hit, :3] = mesh.shade(index[hit], bary[hit], *skin, light, eye)
    for p, first, end in zip(props, face_start[1:], face_start[2:]):
        hit = np.flatnonzero((index >= first) & (index < end))
        sky = np.full((len(p.vertices), 1 + len(light.directions)), OPEN_LIGHT)
        sky[:, 0] = OPEN_SKY
        cloth = p.faces, p.faces, p.uv, p.texture, p.vertices, p.normals, sky
        picture[hit, :3] = mesh.shade(index[hit] - first, bary[hit], *cloth, light, eye, two_sided=True)
    hidden = None
    if worn.glasses is not None:
        hidden = (index >= face_start[-2]).reshape(size, size)
        _lenses(worn, camera, depth, picture, hidden)
    small = lighting.box_down(picture.reshape(size, size, 4), supersample)
    coverage = small[..., 3]
    color = tone.encode(small[..., :3] / np.maximum(coverage, 1e-3)[..., None])
    return Picture(np.where(coverage[..., None] > 0, color, np.float32(0.5)), coverage, depth, hidden)


def _lenses(worn: Worn, camera: Camera, depth: np.ndarray, picture: np.ndarray, hidden: np.ndarray) -> None:
    """Lay the lenses over the linear picture [n,4] (color times coverage, coverage) and mark where they hide what is
    behind."""
    glasses, size = worn.glasses, len(depth)
    focal = camera.f * size / camera.size
    index, bary, near = mesh.raster(camera.to_camera(glasses.lenses), glasses.lens_faces, focal, size)
    hit = np.flatnonzero(near.ravel() < depth.ravel())
    color, taken = shown_through(glasses, worn.glare, index.ravel()[hit], bary.reshape(-1, 2)[hit], picture[hit, :3])
    picture[hit, :3] = color
    # a matte takes clear glass before the background for background
    picture[hit, 3] += (1 - picture[hit, 3]) * taken * (taken > OPAQUE)
    hidden.ravel()[hit[taken > OPAQUE]] = True
