"""What is not fitted but moved along: eyeballs to a person's own centre and radius, mouth inside, teeth and tongue with
the lips."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..headmodel.model import HeadModel
from .fit import Skin

CLEARANCE = 1.02  # ours: least distance of the lids' outer side from the eyeball's centre, in radii
DEPTH = 6  # ours: rings of vertices over which the mouth's inside passes from following the lips to following the teeth


class Inner:
    """Completes offsets of the fitted skin to offsets of the whole head."""

    def __init__(self, model: HeadModel, skin: Skin):
        self.model, self.skin = model, skin
        names = list(model.regions)

        def vertices(*regions: str) -> np.ndarray:
            return np.unique(model.faces[np.isin(model.face_region, [names.index(r) for r in regions])])

        self.eyes = [vertices("eyeLeft"), vertices("eyeRight")]
        self.mouth = vertices("teethUpper", "teethLower", "tongue")
        self.lips = vertices("lips")
        cavity = np.setdiff1d(vertices("mouthInterior"), vertices("lips", "face"))
        self.cavity = cavity
        self.depth = np.clip(self._rings(vertices("lips", "face"))[cavity] / DEPTH, 0, 1)[:, None]
        lids = vertices("lids")
        template = model.template.astype(np.float64)
        self.spheres, self.lids = [], []
        for eye in self.eyes:
            ball = template[eye]
            a = np.c_[2 * ball, np.ones(len(ball))]
            solution = np.linalg.lstsq(a, (ball**2).sum(1), rcond=None)[0]
            centre, radius = solution[:3], np.sqrt(solution[3] + solution[:3] @ solution[:3])
            self.spheres.append((centre, radius))
            distance = np.linalg.norm(template[lids] - centre, axis=1)
            self.lids.append(lids[(distance > radius) & (distance < 1.8 * radius)])

    def _rings(self, start: np.ndarray) -> np.ndarray:
        """Edge steps [V] from the vertices `start`."""
        faces, count = self.model.faces, len(self.model.template)
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        near = sp.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
        near = near + near.T
        rings, reached = np.full(count, 99), np.zeros(count)
        reached[start] = 1
        for step in range(40):
            rings[(reached > 0) & (rings == 99)] = step
            reached = reached + near @ reached > 0
            reached = reached.astype(float)
        return rings

    def complete(self, skin_offset: np.ndarray, eyes: np.ndarray) -> np.ndarray:
        """Offsets [V,3] of the whole head from those of the skin [n,3] and eyeballs [2,4] (centre, radius) in our
        space."""
        template = self.model.template.astype(np.float64)
        out = np.zeros_like(template)
        out[self.skin.index] = skin_offset
        # a scale and a translation that carry the lips
        a = template[self.lips]
        b = a + out[self.lips]
        scale = ((a - a.mean(0)) * (b - b.mean(0))).sum() / ((a - a.mean(0)) ** 2).sum()

        def carried(points: np.ndarray) -> np.ndarray:
            return scale * (points - a.mean(0)) + b.mean(0) - points

        out[self.mouth] = carried(template[self.mouth])
        out[self.cavity] += self.depth * (carried(template[self.cavity]) - out[self.cavity])
        for index, (centre, radius), lids, (x, y, z, r) in zip(self.eyes, self.spheres, self.lids, eyes):
            middle = np.array([x, y, z])
            distance = np.linalg.norm(template[lids] + out[lids] - middle, axis=1)
            own = min(r, np.quantile(distance, 0.02) / CLEARANCE)
            out[index] = middle + (template[index] - centre) * (own / radius) - template[index]
        return out
