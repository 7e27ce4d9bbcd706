"""Lips, lids, brows, nose and jaw of the template as 68 points in Multi-PIE order, drawn around the crop's landmarks.

The generator paints by them. They need seven mapped MediaPipe landmarks and nothing else of the model file's landmark
embedding.
"""

import numpy as np

from .rig import Rig

KEYS = {"eye_right": (33, 133), "eye_left": (362, 263), "mouth": (61, 291), "nose": (1,)}
LID = [(0, 0), (0.33, 5), (0.67, 5), (1, 0), (0.67, -5), (0.33, -5)]  # along the eye, mm over it
# mm from the middle, mm over the eyes, from outside to the nose
BROW = [(50, 16), (42, 21), (32, 23), (22, 21), (13, 18)]
OUTER_LIPS = [
    (-1, 0),
    (-0.55, 5),
    (-0.2, 8),
    (0, 7),
    (0.2, 8),
    (0.55, 5),
    (1, 0),
    (0.55, -6),
    (0.25, -9.5),
    (0, -10),
    (-0.25, -9.5),
    (-0.55, -6),
]
INNER_LIPS = [
    (-0.9, 0),
    (-0.4, 1),
    (0, 1),
    (0.4, 1),
    (0.9, 0),
    (0.4, -1),
    (0, -1),
    (-0.4, -1),
]  # half widths from the middle, mm over the line


def outline_points(rig: Rig) -> np.ndarray:
    """Points [68,3] on the template, meters. Raises ValueError if the model lacks a landmark they need."""
    index = np.array([i for group in KEYS.values() for i in group])
    if (rig.mp_face[index] < 0).any():
        raise ValueError(
            f"the head model maps no MediaPipe landmark {index[rig.mp_face[index] < 0].tolist()}, which the generator "
            "needs"
        )
    at = dict(
        zip(index.tolist(), rig.landmarks(rig.template, rig.mp_face[index], rig.mp_bary[index]).astype(np.float64))
    )
    eye_y = np.mean([at[i][1] for i in (33, 133, 362, 263)])
    mouth_y, half, nose = (at[61][1] + at[291][1]) / 2, (at[291][0] - at[61][0]) / 2, at[1]

    def surface(x: float, y: float) -> np.ndarray:
        """The foremost vertex near (x, y) gives the depth."""
        distance = np.hypot(rig.template[:, 0] - x, rig.template[:, 1] - y)
        near = np.flatnonzero(distance < max(0.006, distance.min() + 1e-6))
        return np.array([x, y, rig.template[near, 2].max()])

    out = np.zeros((68, 3))
    chin = mouth_y - 0.045
    turn = (np.arange(17) - 8) / 8 * np.pi / 2
    out[:17] = np.stack([0.07 * np.sin(turn), chin + 0.06 * (1 - np.cos(turn)), 0.09 * np.cos(turn)], 1)
    out[8] = surface(0, chin)
    for k, (x, height) in enumerate(BROW):
        out[17 + k], out[26 - k] = surface(-x / 1000, eye_y + height / 1000), surface(x / 1000, eye_y + height / 1000)
    for k in range(3):
        out[27 + k] = surface(0, eye_y + (nose[1] - eye_y) * k / 3)
    out[30] = nose
    for k in range(5):
        out[31 + k] = surface(0.007 * (k - 2), nose[1] - 0.014)
    for first, (a, b) in ((36, KEYS["eye_right"]), (42, KEYS["eye_left"])):
        for k, (along, height) in enumerate(LID):
            out[first + k] = at[a] + along * (at[b] - at[a]) + [0, height / 1000, 0]
    for first, line in ((48, OUTER_LIPS), (60, INNER_LIPS)):
        for k, (x, height) in enumerate(line):
            out[first + k] = surface(x * half, mouth_y + height / 1000)
    return out
