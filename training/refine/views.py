"""What one photo knows of each Gaussian: how it is seen, and what keeps its pixels from being believed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..headmodel.model import HeadModel
from ..headmodel.texels import TexelTable
from ..models.landmarks import INNER_LIPS
from ..rasterizer.avatar_splatter import AvatarSplatter, Skin
from ..rasterizer.project import project, rotation_matrices
from ..synth.raster import SCALE_LIMITS
from .settings import RefineSettings
from .transpose import LinearPicture

REFERENCE = 512  # pixels: weights are counted as if every crop had this edge
# MediaPipe's contours of the eyes, around the opening; the first and the ninth point are the corners; left and right of
# the person
RIGHT_EYE = [33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7]
LEFT_EYE = [263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249]
EYES = {"eyeLeft": LEFT_EYE, "eyeRight": RIGHT_EYE}
DETACHED = ("mouthInterior", "tongue")  # left to the driver
TEETH = ("teethUpper", "teethLower")
LUMA = torch.tensor([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class View:
    """A photo and where it was taken from. image [3,S,S] 0..1 (not blended with grey), matte and inside [S,S] 0..1,
    landmarks [478,2] in crop coordinates 0..1, camera of the crop (R [3,3], t [3] m, focal in crop sides), expression
    [E] and the driver's map for it."""

    image: Tensor
    matte: Tensor
    inside: Tensor
    landmarks: np.ndarray
    R: Tensor
    t: Tensor
    focal: float
    expression: np.ndarray
    delta: Tensor

    @property
    def size(self) -> int:
        return self.image.shape[-1]


def ramp(x: Tensor, low: float, high: float) -> Tensor:
    """0 up to `low`, 1 from `high` on, linear between; falling where high < low."""
    return ((x - low) / (high - low)).clamp(0, 1)


def inside_distance(points: Tensor, polygon: np.ndarray) -> Tensor:
    """Distance of points [n,2] to the edges of a closed polygon [m,2]; positive inside (even-odd rule), negative
    outside."""
    a = torch.as_tensor(polygon, dtype=torch.float32)
    b = a.roll(-1, 0)
    edge, to = b - a, points[:, None] - a
    along = ((to * edge).sum(-1) / (edge * edge).sum(-1).clamp(min=1e-12)).clamp(0, 1)
    distance = (to - along[..., None] * edge).norm(dim=-1).amin(1)
    crosses = (a[:, 1] > points[:, None, 1]) != (b[:, 1] > points[:, None, 1])
    at = a[:, 0] + (points[:, None, 1] - a[:, 1]) / torch.where(edge[:, 1] == 0, 1e-12, edge[:, 1]) * edge[:, 0]
    odd = (crosses & (points[:, None, 0] < at)).sum(1) % 2 == 1
    return torch.where(odd, distance, -distance)


def eye_opening(landmarks: np.ndarray, eye: list[int]) -> float:
    """Height over width of an eye: mean distance of its three middle pairs over the distance of its corners."""
    p = landmarks[eye]
    heights = [np.hypot(*(p[k] - p[16 - k])) for k in (3, 4, 5)]
    return float(np.mean(heights) / max(np.hypot(*(p[0] - p[8])), 1e-6))


def areas(head: HeadModel, table: TexelTable, expression: np.ndarray | None) -> np.ndarray:
    """Area [n] of each Gaussian's face on the posed head, no identity."""
    v = head.posed(None, expression)[head.faces[table.face]]
    return 0.5 * np.linalg.norm(np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0]), axis=1)


def log_area_ratio(head: HeadModel, table: TexelTable, expression: np.ndarray) -> np.ndarray:
    """f32 [n]: ln(area with this expression / area at rest)."""
    ratio = np.maximum(areas(head, table, expression), 1e-12) / np.maximum(areas(head, table, None), 1e-12)
    return np.log(ratio).astype(np.float32)


class Seen:
    """A view of the avatar under the photo's camera and expression; geometry is held. All [n] are per Gaussian."""

    def __init__(self, splatter: AvatarSplatter, static: Tensor, view: View, settings: RefineSettings):
        self.splatter, self.view, self.settings = splatter, view, settings
        skin = splatter.skin(view.expression, np.zeros(15))
        change = view.delta.flatten(1)[:, splatter.texel].T * splatter.dynamic
        maps = static.flatten(1)[:, splatter.texel].T + change
        self.change = change[:, 4:7]  # [n, 3] what the driver adds to the color
        self._project(maps, skin)
        self.weight = pixel_weight(view, settings)
        self.area = (REFERENCE / view.size) ** 2
        seen = self.picture.transpose(
            torch.stack([self.weight, torch.ones_like(self.weight), torch.zeros_like(self.weight)])
        )
        self.seen, self.whole = seen[:, 0] * self.area, seen[:, 1] * self.area

    def _project(self, maps: Tensor, skin: Skin) -> None:
        view, size = self.view, self.view.size
        mean = torch.einsum("nkl,nl->nk", skin.matrix, skin.surface + maps[:, :3]) + skin.translation
        rotation = skin.rotation @ rotation_matrices(maps[:, 10:14])
        scale = maps[:, 7:10].exp().clamp(*SCALE_LIMITS)
        ellipses = project(
            mean, rotation, scale, torch.sigmoid(maps[:, 3]), maps[:, 4:7], view.R, view.t, view.focal * size, size
        )
        self.picture = LinearPicture(ellipses, size)
        self.center, self.depth = ellipses.center, ellipses.depth  # px, m
        to_camera = F.normalize(-(view.R.T @ view.t)[None] - mean, dim=1)
        self.cosine = (rotation[:, :, 2] * to_camera).sum(1)

    def draw(self, color: Tensor) -> Tensor:
        """Static colors [n,3] -> [4,S,S] with the driver's change, clamped as the renderer clamps."""
        return self.picture.draw((color + self.change).clamp(0, 1))

    def mean_of(self, pixels: Tensor) -> Tensor:
        """Mean [n,3] of pixels [3,S,S] over what is seen of a Gaussian; 0 where nothing is."""
        return self.picture.transpose(pixels * self.weight) * self.area / (self.seen[:, None] + 1e-3)

    @cached_property
    def facing(self) -> Tensor:
        """0 where a surface is seen from the side or from behind."""
        return ramp(self.cosine, *self.settings.facing)

    @cached_property
    def occlusion(self) -> Tensor:
        """1 on the drawn surface, 0 behind it."""
        drawn = self.picture.draw(
            torch.stack([self.depth, torch.zeros_like(self.depth), torch.zeros_like(self.depth)], 1)
        )
        surface = drawn[0] / drawn[3].clamp(min=1e-3)
        size = self.view.size
        at = (self.center.floor().long()).clamp(0, size - 1)
        return ramp(self.depth - surface[at[:, 1], at[:, 0]], self.settings.depth[1], self.settings.depth[0])

    @cached_property
    def kind(self) -> Tensor:
        """Eyeballs only inside the photo's open eyes; skin only outside eyes and open mouth; teeth only inside it,
        where it is light."""
        s, view, head, table = self.settings, self.view, self.splatter.head, self.splatter.table
        at = self.center / view.size
        is_region = lambda *names: torch.as_tensor(np.isin(table.region, [head.regions.index(n) for n in names]))
        out = torch.ones(len(at))
        skin = ~is_region(*EYES, *DETACHED, *TEETH)
        not_edge = skin & ~is_region("lids")  # the edges of the lids, with the lashes, lie where the contours are
        for name, contour in EYES.items():
            near = inside_distance(at, view.landmarks[contour])
            opened = float(
                np.clip((eye_opening(view.landmarks, contour) - s.open_eye[0]) / (s.open_eye[1] - s.open_eye[0]), 0, 1)
            )
            out = torch.where(is_region(name), out * ramp(near, 0, s.contour) * opened, out)
            out = torch.where(not_edge, out * ramp(near, s.contour, 0), out)
        near = inside_distance(at, view.landmarks[INNER_LIPS])
        out = torch.where(skin, out * ramp(near, s.contour, 0), out)
        within = is_region(*TEETH) * ramp(near, 0, s.contour)
        shown, face = (self._light(weight) for weight in (within, is_region("face").float()))
        out = torch.where(
            is_region(*TEETH),
            within * float(np.clip((shown - s.teeth[0] * face) / max((s.teeth[1] - s.teeth[0]) * face, 1e-6), 0, 1)),
            out,
        )
        return torch.where(is_region(*DETACHED), torch.zeros(()), out)

    def _light(self, weight: Tensor) -> float:
        """Mean luminance of the photo where Gaussians are seen, weighted by `weight` [n]."""
        weight = weight * self.seen
        return float((weight * (self.mean_of(self.view.image) @ LUMA)).sum() / weight.sum().clamp(min=1e-3))

    @cached_property
    def strain(self) -> Tensor:
        s = self.settings
        strained = ramp(
            torch.as_tensor(log_area_ratio(self.splatter.head, self.splatter.table, self.view.expression)).abs(),
            *s.strain,
        )
        return 1 - (1 - s.least_strained) * strained

    @cached_property
    def trust(self) -> Tensor:
        """[n] 0..1, before what needs the photos' tone (`unlike`) and before smoothing."""
        s = self.settings
        filled = (self.seen / s.seen_px).clamp(max=1)
        allowed = ramp(self.seen / (self.whole + 1e-3), *s.allowed)
        return self.facing * filled * allowed * self.occlusion * self.kind * self.strain


def pixel_weight(view: View, settings: RefineSettings) -> Tensor:
    """[S,S] 0..1: inside the photo and the person, a few pixels from the edge of either."""
    reach = max(1, round(settings.erosion * view.size))
    both = (view.matte * view.inside)[None, None]
    # beyond the crop nothing is known either
    both = F.pad(both, (reach,) * 4)
    eroded = -F.max_pool2d(-both, 2 * reach + 1, 1)[0, 0]
    return ((eroded - 0.5) / 0.5).clamp(0, 1)
