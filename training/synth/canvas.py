"""Everything about the template's surface that painting needs and that no person changes: distances, masks, noise, hair
flow."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from . import mesh
from .outlines import outline_points
from .rig import Rig

NOISE_METERS = (0.07, 0.03, 0.012, 0.006)
NOISE_FIELDS = 10
STRAND_FIELDS = 6


def step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth 0..1 ramp from low to high (low > high ramps down)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _lattice(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Value noise with a unit cell at points [n,3], about unit variance."""
    volume = rng.standard_normal((32, 32, 32)).astype(np.float32)
    return (
        map_coordinates(volume, (points + rng.uniform(0, 32, 3)).T % 32, order=1, mode="grid-wrap").astype(np.float32)
        * 1.7
    )


def polyline(points: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [n,2] against a polyline [k,2]: position along it 0..1 [n], distance [n], side sign [n]."""
    best, along, side = np.full(len(points), 1e9), np.zeros(len(points)), np.ones(len(points))
    lengths = np.hypot(*np.diff(line, axis=0).T)
    start = np.concatenate([[0], np.cumsum(lengths)]) / lengths.sum()
    for k in range(len(line) - 1):
        d = line[k + 1] - line[k]
        t = np.clip(((points - line[k]) @ d) / (d @ d), 0, 1)
        r = points - line[k] - t[:, None] * d
        distance = np.hypot(r[:, 0], r[:, 1])
        near = distance < best
        best[near], along[near] = distance[near], (start[k] + t * (start[k + 1] - start[k]))[near]
        side[near] = np.sign(d[0] * r[:, 1] - d[1] * r[:, 0])[near]
    return along.astype(np.float32), best.astype(np.float32), side.astype(np.float32)


def inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Even-odd test of points [n,2] against a polygon [k,2]."""
    out = np.zeros(len(points), bool)
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        crosses = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
        out ^= crosses & (points[:, 0] < (b[0] - a[0]) * (points[:, 1] - a[1]) / (b[1] - a[1] + 1e-12) + a[0])
    return out


@dataclass
class Frame:
    """Landmarks of the template that all fields are measured from (meters)."""

    landmarks: np.ndarray  # [68,3]
    eyes: np.ndarray  # [2,3] left, right eyeball centres
    eye_radius: float
    middle: np.ndarray  # between the eyes
    head: np.ndarray  # centre of the skull at eye height
    crown: np.ndarray  # unit vector from `head` to the whorl
    rim: float  # lowest y of the neck

    @staticmethod
    def of(rig: Rig) -> "Frame":
        lm = outline_points(rig)
        eyes, radius = [], 0.012
        for name in ("eyeLeft", "eyeRight"):
            v = rig.template[np.unique(rig.faces[rig.face_region == rig.regions.index(name)])]
            a = np.c_[2 * v, np.ones(len(v))]
            s = np.linalg.lstsq(a, (v**2).sum(1), rcond=None)[0]  # sphere fit
            eyes.append(s[:3])
            radius = float(np.sqrt(s[3] + s[:3] @ s[:3]))
        eyes = np.array(eyes)
        scalp = rig.template[np.unique(rig.faces[rig.face_region == rig.regions.index("scalp")])]
        middle = eyes.mean(0)
        front, back = lm[27, 2], scalp[:, 2].min()
        head = np.array([0, middle[1] + 0.01, 0.5 * (front + back) - 0.005])
        crown = np.array([0.0, 0.8, -0.6])
        return Frame(lm, eyes, radius, middle, head, crown, float(rig.template[:, 1].min()))


class Canvas:
    """Fields at points of the template: p, normal [n,3], region [n]. Used for texels and, without noise at texel scale,
    for vertices."""

    def __init__(self, rig: Rig, frame: Frame, p: np.ndarray, normal: np.ndarray, region: np.ndarray, seed: int = 7):
        self.frame, self.p, self.normal, self.region, n = (
            frame,
            p.astype(np.float32),
            normal.astype(np.float32),
            region,
            len(p),
        )
        names = {name: i for i, name in enumerate(rig.regions)}
        self.is_region = {name: region == i for name, i in names.items()}
        lm, xy = frame.landmarks, p[:, :2].astype(np.float64)
        x, y, z = p.T
        outer = np.isin(region, [names[r] for r in ("face", "lids", "lips", "scalp", "neck", "ears")])
        front = outer & (z > frame.head[2]) & (normal[:, 2] > -0.2)
        far = np.where(front, 0, 1.0)
        self.skin = outer
        # lips: distance inside the outline, positive inside
        d = np.minimum(polyline(xy, np.r_[lm[48:60, :2], lm[48:49, :2]])[1], 1)
        self.lip = np.where(inside(xy, lm[48:60, :2]), d, -d).astype(np.float32) - far.astype(np.float32)
        self.lip[self.is_region["lips"] & (normal[:, 2] < 0.1)] = 0.003  # where the lips turn inwards
        self.lip_line = (
            polyline(xy, np.r_[lm[60:61, :2], (lm[61:64, :2] + lm[[67, 66, 65], :2]) / 2, lm[64:65, :2]])[1] + far
        )
        self.brows = []
        for line in (lm[22:27, :2], lm[21:16:-1, :2]):  # left and right, from the nose outwards
            s, d, side = polyline(xy, line)
            up = side if line is not None and line[-1, 0] > line[0, 0] else -side
            self.brows.append((s, d * up + far))
        self.lid = np.full(n, 1.0, np.float32)
        for ring in (lm[36:42, :2], lm[42:48, :2]):
            self.lid = np.minimum(self.lid, polyline(xy, np.r_[ring, ring[:1]])[1] + far)
        self.lid_up = (y > frame.middle[1]).astype(np.float32)

        def blob(center, radius):
            return np.exp(-0.5 * ((p - center) ** 2).sum(1) / radius**2).astype(np.float32) * outer

        left_cheek = (lm[45] + lm[54]) / 2 + [0.006, -0.002, 0]
        right_cheek = (lm[36] + lm[48]) / 2 + [-0.006, -0.002, 0]
        self.cheeks = blob(left_cheek, 0.018) + blob(right_cheek, 0.018)
        self.nose = blob(lm[30], 0.013)
        self.under_eye = blob(lm[[46, 47]].mean(0) - [0, 0.009, 0], 0.009) + blob(
            lm[[40, 41]].mean(0) - [0, 0.009, 0], 0.009
        )
        self.forehead = blob(frame.middle + [0, 0.055, 0.0], 0.035)
        self.chin = blob(lm[8] + [0, 0.008, 0], 0.016)
        self.wrinkle_forehead = step(y, lm[19, 1] + 0.006, lm[19, 1] + 0.015) * step(np.abs(x), 0.055, 0.04) * front
        self.nasolabial = np.zeros(n, np.float32)
        for a, b in ((35, 54), (31, 48)):
            side = np.sign(lm[b, 0])
            line = np.array(
                [
                    lm[a, :2] + [side * 0.006, 0.004],
                    (lm[a, :2] + lm[b, :2]) / 2 + [side * 0.011, 0.002],
                    lm[b, :2] + [side * 0.010, -0.004],
                ]
            )
            d = polyline(xy, line)[1] + far
            self.nasolabial = np.maximum(self.nasolabial, np.exp(-0.5 * (d / 0.0025) ** 2)).astype(np.float32)
        # hair: azimuth around the head (0 front, 180 back, degrees) and the height over the eyes
        self.azimuth = np.degrees(np.arctan2(np.abs(x - frame.head[0]), z - frame.head[2])).astype(np.float32)
        self.height = (y - frame.middle[1]).astype(np.float32)
        self.up = ((p - frame.head) / np.linalg.norm(p - frame.head, axis=1, keepdims=True)).astype(np.float32)
        # beard: jaw, chin, moustache; measured from the mouth
        mouth_y = lm[[60, 64], 1].mean()
        self.below_mouth = (mouth_y - y).astype(np.float32)
        self.moustache = (
            step(y, lm[51, 1] - 0.001, lm[51, 1] + 0.002)
            * step(y, lm[33, 1] + 0.001, lm[33, 1] - 0.004)
            * step(np.abs(x), 0.036, 0.026)
            * front
        ).astype(np.float32)
        cheek_line = mouth_y + 0.012 + np.clip((np.abs(x) - 0.03) / 0.045, 0, 1.2) * 0.048
        neck_line = lm[8, 1] - 0.045
        around = step(np.abs(x), 0.02, 0.034) + step(y, mouth_y - 0.004, mouth_y - 0.012)
        self.beard = (
            step(y, cheek_line + 0.004, cheek_line - 0.008)
            * step(y, neck_line, neck_line + 0.02)
            * np.clip(around, 0, 1)
            * step(self.azimuth, 92, 84)
            * outer
        )
        self.beard = (self.beard * ~self.is_region["ears"]).astype(np.float32)
        self.goatee = (blob(lm[8] + [0, 0.012, 0], 0.014) * (y < mouth_y - 0.008)).astype(np.float32)
        self.teeth_x = np.where(self.is_region["teethUpper"] | self.is_region["teethLower"], x, 0).astype(np.float32)
        self.gum = np.zeros(n, np.float32)
        for name, sign in (("teethUpper", 1), ("teethLower", -1)):
            m = self.is_region[name]
            if m.any():
                edge = y[m].min() if sign > 0 else y[m].max()
                self.gum[m] = step(sign * (y[m] - edge), 0.0085, 0.0115)
        self.depth_in_mouth = np.clip((lm[62, 2] - z) / 0.05, 0, 1).astype(np.float32)
        # eyes: angle from the optical axis and azimuth around it, per eye
        self.eye_angle, self.eye_around = np.full(n, 9.0, np.float32), np.zeros(n, np.float32)
        for name, center in (("eyeLeft", frame.eyes[0]), ("eyeRight", frame.eyes[1])):
            m = self.is_region[name]
            d = (p[m] - center) / np.linalg.norm(p[m] - center, axis=1, keepdims=True)
            self.eye_angle[m] = np.arccos(np.clip(d[:, 2], -1, 1))
            self.eye_around[m] = np.arctan2(d[:, 1], d[:, 0])
        rng = np.random.default_rng(seed)  # the same fields for texels, vertices and coarse texels of one rig
        # [4,F,n]
        self.noise = np.stack([[_lattice(rng, p / s) for _ in range(NOISE_FIELDS)] for s in NOISE_METERS]).astype(
            np.float32
        )
        # strands: noise that is long along the hair flow and short across it; flow 0 from the whorl down, 1 combed to a
        # side, 2 curls
        c = frame.crown
        along = np.arccos(np.clip(self.up @ c, -1, 1))
        e1 = np.array([1.0, 0, 0])
        e2 = np.cross(c, e1)
        angle = np.arctan2(self.up @ e2, self.up @ e1)
        self.strands = []
        for flow in range(3):
            fields = []
            for k in range(STRAND_FIELDS):
                cells = (10, 22, 44)[k % 3]
                if flow == 0:
                    q = np.stack([np.cos(angle) * cells, np.sin(angle) * cells, along * cells * 0.22], 1)
                elif flow == 1:
                    q = np.stack([p[:, 2] / 0.1 * cells, p[:, 1] / 0.1 * cells * 0.8, p[:, 0] / 0.1 * cells * 0.12], 1)
                else:
                    q = p / 0.1 * cells * 0.9 + 0.8 * np.stack(
                        [self.noise[2, 0], self.noise[2, 1], self.noise[2, 2]], 1
                    )
                fields.append(_lattice(rng, q))
            self.strands.append(np.stack(fields))
        across = np.cross(np.broadcast_to(c, p.shape), p - frame.head)
        self.across = (across / (np.linalg.norm(across, axis=1, keepdims=True) + 1e-9)).astype(np.float32)

    def smooth(self, rng: np.random.Generator, octave: int, count: int = 1) -> np.ndarray:
        """Random unit-variance fields [count,n] of one octave (0 = 7 cm ... 3 = 6 mm)."""
        w = rng.standard_normal((count, NOISE_FIELDS)).astype(np.float32)
        w /= np.linalg.norm(w, axis=1, keepdims=True)
        return np.stack([mesh.mix(row, self.noise[octave]) for row in w])


def texel_canvas(rig: Rig, frame: Frame, texels) -> Canvas:
    """Canvas at the valid texels of a map."""
    normals = mesh.vertex_normals(rig.template, rig.faces)
    return Canvas(rig, frame, rig.bake(texels, rig.template), rig.bake(texels, normals), rig.face_region[texels.face])


def vertex_canvas(rig: Rig, frame: Frame) -> Canvas:
    """Canvas at the vertices; a vertex takes the region of the last face around it (hair thickness and smooth noise
    need no more)."""
    region = np.zeros(len(rig.template), np.int32)
    region[rig.faces.ravel()] = np.repeat(rig.face_region, 3)
    return Canvas(rig, frame, rig.template, mesh.vertex_normals(rig.template, rig.faces), region)
