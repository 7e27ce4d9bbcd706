"""MakeHuman skins (CC0, training input only) carried over to the open head's atlas: both come from the hm08 base
mesh."""

import hashlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial import cKDTree

from .canvas import Canvas
from .lighting import linear
from .native import CACHE
from .rig import Rig

MEAN_TARGETS = [
    (f"macrodetails/{p}-{s}-young", 1 / 6) for s in ("female", "male") for p in ("caucasian", "asian", "african")
]
MEAN_TARGETS += [(f"macrodetails/universal-{s}-young-averagemuscle-averageweight", 1 / 2) for s in ("female", "male")]
_said = False


def default_data_root() -> Path | None:
    """`shared/data` beside the clone, or what gpu_train.sh packed of it, if there is either."""
    roots = (Path(__file__).resolve().parents[3] / "shared" / "data", CACHE / "data")
    return next((root for root in roots if root.is_dir()), None)


def skin_log_ratios(rig: Rig, canvas: Canvas, data_root: Path | None) -> np.ndarray:
    """ln(skin / its own cheek tone), linear light, at the canvas points: float32 [k,n,3]; k = 0 without the data (said
    once)."""
    global _said
    folder = None if data_root is None else Path(data_root) / "makehuman"
    if folder is None or not (folder / "hm08_head.npz").exists():
        if not _said:
            print("synthetic heads: no MakeHuman skins found, all skins are procedural", file=sys.stderr)
            _said = True
        return np.zeros((0, len(canvas.p), 3), np.float32)
    files = sorted(p for p in (folder / "skins").glob("*.webp") if "suit" not in p.name)
    key = hashlib.sha256(canvas.p.tobytes() + "".join(p.name for p in files).encode()).hexdigest()[:16]
    cached = CACHE / f"skins-{key}.npy"
    if cached.exists():
        return np.load(cached)
    uv = _hm08_uv(rig, canvas, np.load(folder / "hm08_head.npz"))
    cheeks = canvas.cheeks > 0.6
    out = []
    for path in files:
        image = np.asarray(Image.open(path).convert("RGB").resize((1024, 1024), Image.Resampling.BOX), np.float32) / 255
        color = linear(_bilinear(image, uv))
        log = np.log(np.maximum(color, 0.004)) - np.log(np.maximum(np.median(color[cheeks], 0), 0.004))
        log[~canvas.skin] = 0
        out.append(np.clip(log, -2.2, 0.9).astype(np.float32))
    CACHE.mkdir(parents=True, exist_ok=True)
    result = np.stack(out)
    np.save(cached, result)
    return result


def _bilinear(image: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Sample [H,W,3] at OBJ texture coordinates [n,2] (v up)."""
    H, W, _ = image.shape
    x, y = np.clip(uv[:, 0] * W - 0.5, 0, W - 1.001), np.clip((1 - uv[:, 1]) * H - 0.5, 0, H - 1.001)
    c, r = x.astype(int), y.astype(int)
    fx, fy = (x - c)[:, None], (y - r)[:, None]
    return (1 - fy) * ((1 - fx) * image[r, c] + fx * image[r, c + 1]) + fy * (
        (1 - fx) * image[r + 1, c] + fx * image[r + 1, c + 1]
    )


def _hm08_uv(rig: Rig, canvas: Canvas, base) -> np.ndarray:
    """Texture coordinates [n,2] of hm08's average adult at the nearest surface point; the model is that adult, moved,
    in meters."""
    vertices = base["verts"].astype(np.float64).copy()
    names = list(base["target_names"])
    for name, weight in MEAN_TARGETS:
        i = names.index(name)
        part = slice(*base["target_start"][i : i + 2])
        vertices[base["target_index"][part]] += (
            weight * base["target_delta_q"][part] * float(base["target_delta_scale"])
        )
    body = base["face_group"] == list(base["group_names"]).index("body")
    quads, uvs = base["faces"][body], base["uvs"][base["uv_faces"][body]].astype(np.float64)
    joint = list(base["joint_names"])
    start = base["joint_start"]

    def center(name):
        i = joint.index(name)
        return vertices[base["joint_vertices"][start[i] : start[i + 1]]].mean(0)

    eyes = np.stack([center("joint-l-eye"), center("joint-r-eye")]) / 10
    offset = rig.joints[[3, 4]].mean(0) - eyes.mean(0)
    k = (np.arange(7) + 0.5) / 7
    s, t = (a.ravel() for a in np.meshgrid(k, k))
    w = np.stack([(1 - s) * (1 - t), s * (1 - t), s * t, (1 - s) * t], 1)
    points = np.einsum("mk,qkc->qmc", w, vertices[quads] / 10).reshape(-1, 3)
    where = np.einsum("mk,qkc->qmc", w, uvs).reshape(-1, 2)
    tree = cKDTree(points)
    skin = np.isin(rig.face_region, [rig.regions.index(r) for r in ("face", "scalp", "neck", "ears")])
    probe = rig.template[np.unique(rig.faces[skin])].astype(np.float64)
    for _ in range(8):  # the joints may be placed differently: a short ICP in translation only
        distance, index = tree.query(probe - offset)
        offset += np.median(probe - offset - points[index], 0)
    distance, _ = tree.query(probe - offset)
    if np.median(distance) > 0.002:
        raise ValueError(
            f"the head model does not lie on hm08's average adult (median distance {1000 * np.median(distance):.1f} mm)"
        )
    _, index = tree.query(canvas.p - offset)
    return where[index]
