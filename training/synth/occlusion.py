"""How much sky and lamp light reaches each vertex: tables of a few poses, blended by how far mouth and lids of a face
are open."""

import numpy as np

from . import mesh
from .lighting import Light, directions, sky_visibility
from .rig import Rig

JAW = (0.0, 0.12, 0.35, 0.75)  # jawOpen of the mouth tables
BARED = {
    f"{name}{side}": w
    for name, w in (("mouthSmile", 0.7), ("mouthUpperUp", 0.7), ("mouthLowerDown", 0.7))
    for side in ("Left", "Right")
}
BLINK = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
# ours: share of the light that a hollow's walls give back; teeth and lips also let light through, which this stands for
BOUNCE = {"teethUpper": 0.93, "teethLower": 0.93, "tongue": 0.6, "mouthInterior": 0.5, "lids": 0.6}
BOUNCE_SKIN = 0.35
LIP_PLACES = (-0.008, 0.0, 0.008)  # x in meters where the lips' distance is measured
LID_PAIRS = (((43, 47), (44, 46)), ((37, 41), (38, 40)))  # left eye, right eye


def bounced(open_share: np.ndarray, albedo: np.ndarray) -> np.ndarray:
    """Light in a hollow that receives `open_share` (0..1) directly and whose walls return `albedo` of the rest, over
    and over."""
    return open_share / (1 - albedo * (1 - open_share))


class SkyTable:
    """Which sky directions [D] each vertex [V] of one pose sees."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, neighbours, albedo: np.ndarray):
        sky = sky_visibility(vertices, faces).astype(np.float32)
        self.directions, self.albedo = directions(sky.shape[1]).astype(np.float32), albedo.astype(np.float32)
        cosine = np.maximum(mesh.vertex_normals(vertices, faces) @ self.directions.T, 0)
        ambient = (cosine * sky).sum(1) / np.maximum(cosine.sum(1), 1e-6)
        # smoothing hides the coarse steps; what sees nearly nothing (folds behind lids and lips) does not darken its
        # neighbours
        lit = (ambient > 0.05).astype(np.float32)[:, None]
        smooth = lambda x: np.where(
            lit > 0, neighbours @ (x * lit) / np.maximum(neighbours @ lit, 1e-6), neighbours @ x
        )
        self.ambient = bounced(smooth(ambient[:, None])[:, 0], self.albedo).astype(np.float32)
        self.sky = np.ascontiguousarray(smooth(smooth(sky)).T)  # [D,V]

    def attributes(self, light: Light, softness: float = 14.0) -> np.ndarray:
        """[V,1+L]: ambient, then per light the share of a lobe around it that is not blocked."""
        columns = [0.12 + 0.88 * self.ambient]
        for d in light.directions:
            lobe = np.exp(softness * (self.directions @ d - 1)).astype(np.float32)
            lobe[self.directions @ d < 0.2] = 0
            columns.append(bounced(mesh.mix(lobe / max(float(lobe.sum()), 1e-6), self.sky), self.albedo))
        return np.stack(columns, 1).astype(np.float32)


class Occlusion:
    """Tables of the shut mouth, an open jaw (three widths), bared teeth and closed lids. `lit` evaluates them for a
    light once per sample, `blend` mixes them for a face."""

    def __init__(self, rig: Rig, neighbours, landmarks: np.ndarray, dark: np.ndarray):
        """`landmarks` [68,3] on the template; `dark` are vertices that lashes shade, which the mesh has not."""
        albedo = np.full(len(rig.template), BOUNCE_SKIN)
        for name, value in BOUNCE.items():
            albedo[np.unique(rig.faces[rig.face_region == rig.regions.index(name)])] = value
        self.faces, self.jaw = rig.faces, rig.expressions.index("jawOpen")
        poses = [self._pose(rig, {"jawOpen": value}) for value in JAW] + [
            self._pose(rig, BARED),
            self._pose(rig, BLINK),
        ]
        self.tables = [SkyTable(p, rig.faces, neighbours, albedo) for p in poses]
        for table in self.tables:
            table.ambient[dark] **= 1.4
        self.lips = self._meeting_lips(rig, poses[0], poses[len(JAW) - 1])
        self.lids = [self._nearest(rig, landmarks, pairs) for pairs in LID_PAIRS]
        shut = self._gap(poses[0], self.lips)
        self.jaw_gaps = np.array([self._gap(p, self.lips) - shut for p in poses[: len(JAW)]])
        self.bared_gap = self._gap(poses[len(JAW)], self.lips) - shut
        self.shut_lids = [self._gap(poses[-1], pairs) for pairs in self.lids]
        height = landmarks[30, 1]  # nose tip: eyes above, mouth below
        above = rig.template[:, 1] > height
        self.sides = [(above & (rig.template[:, 0] * sign > 0)).astype(np.float32)[:, None] for sign in (1, -1)]
        self.below = (~above).astype(np.float32)[:, None]

    @staticmethod
    def _pose(rig: Rig, weights: dict[str, float]) -> np.ndarray:
        expression = np.zeros(rig.expression_count, np.float32)
        for name, value in weights.items():
            expression[rig.expressions.index(name)] = value
        return rig.skin(
            rig.transforms(rig.full_pose(expression, np.zeros(15))), rig.template + rig.expressed(expression)
        )[0]

    @staticmethod
    def _meeting_lips(rig: Rig, shut: np.ndarray, opened: np.ndarray) -> np.ndarray:
        """Pairs [3,2] of an upper and a lower lip vertex that touch in front when the mouth is shut and part when the
        jaw opens."""
        lips = np.unique(rig.faces[rig.face_region == rig.regions.index("lips")])
        moved = np.linalg.norm(opened - shut, axis=1)
        lower = moved > 0.5 * moved[lips].max()
        pairs = []
        for x in LIP_PLACES:
            near = lips[np.abs(shut[lips, 0] - x) < 0.004]
            a, b = (part[:, None] for part in (near[~lower[near]], near[lower[near]]))
            distance = np.linalg.norm(shut[a] - shut[b.T], axis=2)
            behind = shut[near, 2].max() - (shut[a, 2] + shut[b.T, 2]) / 2
            i, j = np.unravel_index((distance + 0.5 * behind).argmin(), distance.shape)
            pairs.append((a[i, 0], b[j, 0]))
        return np.array(pairs)

    @staticmethod
    def _nearest(rig: Rig, landmarks: np.ndarray, pairs) -> np.ndarray:
        """Vertices [n,2] around the eyes nearest to pairs of landmarks."""
        own = np.unique(rig.faces[np.isin(rig.face_region, [rig.regions.index(r) for r in ("lids", "face")])])
        return np.array(
            [[own[np.linalg.norm(rig.template[own] - landmarks[i], axis=1).argmin()] for i in pair] for pair in pairs]
        )

    @staticmethod
    def _gap(vertices: np.ndarray, pairs: np.ndarray) -> float:
        """Mean distance in meters of vertex pairs."""
        return float(np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1).mean())

    def gaps(self, vertices: np.ndarray) -> np.ndarray:
        """Meters between the lips, the left and the right lids of a face [V,3]: [3]. At rest they are a person's
        own."""
        return np.array([self._gap(vertices, pairs) for pairs in (self.lips, *self.lids)])

    def openings(self, vertices: np.ndarray, jaw: float, rest: np.ndarray) -> tuple[np.ndarray, float, list[float]]:
        """Of a face [V,3] with jawOpen `jaw` whose person has the gaps `rest`: weights of the jaw tables [4], weight of
        the bared teeth, how far each eye is closed 0..1."""
        lips, *lids = self.gaps(vertices)
        gap = max(0.0, lips - rest[0])
        weights = np.array([np.interp(jaw, JAW, row) for row in np.eye(len(JAW))])
        expected = float(np.interp(jaw, JAW, self.jaw_gaps))
        if gap < expected:  # lips sealed over an open jaw
            share = gap / expected
            weights = weights * share + np.eye(len(JAW))[0] * (1 - share)
        bared = float(np.clip((gap - expected) / self.bared_gap, 0, 1.2))
        closed = [
            float(np.clip((opened - gap) / max(opened - shut, 0.002), 0, 1))
            for gap, opened, shut in zip(lids, rest[1:], self.shut_lids)
        ]
        return weights, bared, closed

    def lit(self, light: Light) -> np.ndarray:
        """Every table under a light: [tables,V,1+L]."""
        return np.stack([table.attributes(light) for table in self.tables])

    def blend(self, lit: np.ndarray, vertices: np.ndarray, jaw: float, rest: np.ndarray) -> np.ndarray:
        """[V,1+L] for a face: `vertices` with the jaw turned, `rest` the person's `gaps` at rest."""
        weights, bared, closed = self.openings(vertices, jaw, rest)
        out = lit[0].copy()
        mouth = sum(w * (table - lit[0]) for w, table in zip(weights[1:], lit[1:])) + bared * (lit[len(JAW)] - lit[0])
        out += self.below * mouth
        for side, share in zip(self.sides, closed):
            if share > 0:
                out += side * (share * (lit[-1] - lit[0]))
        return np.clip(out, 0, 1)
