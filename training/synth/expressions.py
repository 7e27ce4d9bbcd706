"""Random faces: sparse mixtures of ARKit shapes, smiles that show teeth, gaze, blinks, jaw and small neck turns."""

import numpy as np

PAIRS = [  # both sides, mostly together: (stem, weight at full strength, how often)
    ("mouthSmile", 1.0, 3.0),
    ("mouthFrown", 0.9, 1.0),
    ("mouthDimple", 0.9, 0.6),
    ("mouthStretch", 0.8, 1.0),
    ("mouthPress", 0.8, 0.8),
    ("mouthUpperUp", 0.8, 1.0),
    ("mouthLowerDown", 0.9, 1.2),
    ("cheekSquint", 0.9, 1.0),
    ("noseSneer", 0.8, 0.9),
    ("eyeSquint", 0.9, 1.2),
    ("eyeWide", 0.9, 1.0),
    ("browDown", 1.0, 1.5),
    ("browOuterUp", 1.0, 1.2),
    ("eyeBlink", 1.0, 1.6),
]
SINGLES = [
    ("jawOpen", 0.8, 4.0),
    ("browInnerUp", 1.0, 1.5),
    ("mouthFunnel", 0.9, 1.2),
    ("mouthPucker", 0.9, 1.3),
    ("mouthClose", 0.3, 0.3),
    ("mouthRollLower", 0.7, 0.7),
    ("mouthRollUpper", 0.7, 0.7),
    ("mouthShrugLower", 0.7, 0.7),
    ("mouthShrugUpper", 0.7, 0.7),
    ("cheekPuff", 0.8, 0.6),
    ("jawForward", 0.7, 0.3),
    ("jawLeft", 0.7, 0.3),
    ("jawRight", 0.7, 0.3),
    ("mouthLeft", 0.8, 0.4),
    ("mouthRight", 0.8, 0.4),
    ("tongueOut", 0.8, 0.25),
]
# ours: the face of most portraits, a smile that shows teeth: (least, most), about what the landmark fit finds in 14
# broad smiles
LAUGH = {
    "mouthSmile": (0.1, 1.0),
    "mouthDimple": (0.0, 0.7),
    "mouthUpperUp": (0.1, 0.75),
    "mouthLowerDown": (0.0, 0.45),
    "cheekSquint": (0.05, 0.6),
    "eyeSquint": (0.0, 0.5),
}
LAUGH_JAW = (0.04, 0.35)
LAUGHING = 0.2  # ours: share of faces
WEIGHT = np.array([w for *_, w in PAIRS + SINGLES])
WEIGHT /= WEIGHT.sum()


def sample_expression(rng: np.random.Generator, names: list[str], strength: float = 1.0) -> np.ndarray:
    """Coefficients [E] in 0..1 for the ARKit names; strength scales all but gaze and blinks."""
    index = {name: i for i, name in enumerate(names)}
    out = np.zeros(len(names), np.float32)

    def add(name: str, value: float) -> None:
        if name in index:
            out[index[name]] = min(1.0, max(out[index[name]], value))

    laughs = rng.random() < LAUGHING
    if laughs:
        add("jawOpen", strength * rng.uniform(*LAUGH_JAW))
        for stem, span in LAUGH.items():
            value = strength * rng.uniform(*span)
            add(f"{stem}Left", value)
            add(f"{stem}Right", value * rng.uniform(0.85, 1))
    for choice in () if laughs else rng.choice(len(WEIGHT), rng.integers(1, 6), replace=False, p=WEIGHT):
        value = rng.beta(1.3, 1.3)
        if choice < len(PAIRS):
            stem, top, _ = PAIRS[choice]
            left, right = (
                (value, value * rng.uniform(0.85, 1)) if rng.random() < 0.85 else (value, value * rng.random())
            )
            if rng.random() < 0.5:
                left, right = right, left
            gain = top * (1.0 if stem == "eyeBlink" else strength)
            add(f"{stem}Left", gain * left)
            add(f"{stem}Right", gain * right)
        else:
            stem, top, _ = SINGLES[choice - len(PAIRS)]
            add(stem, top * strength * value)
    if rng.random() < 0.12:
        add("eyeBlinkLeft", 1.0)
        add("eyeBlinkRight", 1.0)
    closed = np.mean([out[index[n]] for n in ("eyeBlinkLeft", "eyeBlinkRight") if n in index] or [0])
    if rng.random() < 0.7 and closed < 0.7:
        across, up = np.clip(rng.normal(0, 0.35, 2), -0.9, 0.9) * [1, 0.7]
        add("eyeLookOutLeft" if across > 0 else "eyeLookInLeft", abs(across))
        add("eyeLookInRight" if across > 0 else "eyeLookOutRight", abs(across))
        for side in ("Left", "Right"):
            add(("eyeLookUp" if up > 0 else "eyeLookDown") + side, abs(up))
    return out


def sample_pose(rng: np.random.Generator) -> np.ndarray:
    """Extra joint turns [15] beyond those of the expression: a small neck rotation in radians."""
    pose = np.zeros(15)
    if rng.random() < 0.6:
        pose[3:6] = np.clip(rng.normal(0, [0.08, 0.12, 0.05]), -0.3, 0.3)
    return pose
